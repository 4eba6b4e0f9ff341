/** Things as points to draw, in typed arrays: one batch for each look, so that nothing is computed per point. */

import type { Thing } from "../api/panorama";
import type { LayerId } from "./catalogue";

/** How a thing looks beside its shape: as it should be, as it was, or as it should not be. */
export type Tone = "plain" | "stale" | "bad";

export interface Batch {
  /** Shape and tone; also the name of the layer that draws it. */
  key: string;
  shape: string;
  tone: Tone;
  /** On another level than the one that is chosen. */
  ghost: boolean;
  /** Longitude, latitude, height in metres of each. */
  positions: Float64Array;
  /** Degrees counter-clockwise of each; null where the shape has no front. */
  angles: Float32Array | null;
  ids: string[];
}

export interface Cluster {
  lon: number;
  lat: number;
  z: number;
  ghost: boolean;
  ids: string[];
  /** Things in it that are faulty. */
  bad: number;
}

export interface Placed {
  lon: number;
  lat: number;
  z: number;
  /** Code of its level, empty in the open. */
  level: string;
}

/** Things that stand close to one another and are many: they are counted until the map is near enough. */
const CLUSTERED = new Set(["camera", "device"]);
const MOVING = new Set(["vehicle"]);

export function shapeOf(thing: Thing): string {
  const mode = String(thing.values["mode"] ?? "");
  if (thing.kind === "vehicle")
    return `go_${["bus", "coach", "taxi", "ride_hailing", "metro"].includes(mode) ? mode : "bus"}`;
  if (thing.kind === "supply") return mode === "coach" ? "bus" : mode;
  return thing.kind;
}

export function toneOf(thing: Thing, stale: boolean): Tone {
  if (stale) return "stale";
  const state = thing.values["state"];
  return state === "faulty" || state === "off" || thing.kind === "warning" ? "bad" : "plain";
}

export interface Drawn {
  batches: Batch[];
  clusters: Cluster[];
}

export interface Look {
  placeOf: (thing: Thing) => Placed | null;
  isStale: (thing: Thing) => boolean;
  /** Code of the chosen level; null: all. */
  level: string | null;
  /** Degrees of a cell in which things are counted as one; 0: none are. */
  cell: number;
}

/** Batches of things and clusters of those that stand too close. A thing without a place is drawn nowhere. */
export function drawn(things: Iterable<Thing>, look: Look): Drawn {
  const groups = new Map<string, { thing: Thing; at: Placed; tone: Tone; ghost: boolean }[]>();
  const cells = new Map<string, { thing: Thing; at: Placed; tone: Tone; ghost: boolean }[]>();
  for (const thing of things) {
    const at = look.placeOf(thing);
    if (at === null) continue;
    const tone = toneOf(thing, look.isStale(thing));
    const ghost = look.level !== null && at.level !== "" && at.level !== look.level;
    const one = { thing, at, tone, ghost };
    if (look.cell > 0 && CLUSTERED.has(thing.kind)) {
      const cell = `${at.level}/${Math.floor(at.lon / look.cell)}/${Math.floor(at.lat / look.cell)}`;
      push(cells, cell, one);
    } else push(groups, `${shapeOf(thing)}-${tone}${ghost ? "-ghost" : ""}`, one);
  }
  const clusters: Cluster[] = [];
  for (const some of cells.values()) {
    if (some.length === 1) {
      const [one] = some;
      push(groups, `${shapeOf(one!.thing)}-${one!.tone}${one!.ghost ? "-ghost" : ""}`, one!);
    } else clusters.push(clusterOf(some));
  }
  return { batches: [...groups].map(([key, some]) => batchOf(key, some)), clusters };
}

interface One {
  thing: Thing;
  at: Placed;
  tone: Tone;
  ghost: boolean;
}

function push(into: Map<string, One[]>, key: string, one: One): void {
  const held = into.get(key);
  if (held) held.push(one);
  else into.set(key, [one]);
}

function clusterOf(some: One[]): Cluster {
  const mean = (of: (one: One) => number): number => some.reduce((sum, one) => sum + of(one), 0) / some.length;
  return {
    lon: mean((one) => one.at.lon),
    lat: mean((one) => one.at.lat),
    z: some[0]!.at.z,
    ghost: some[0]!.ghost,
    ids: some.map((one) => one.thing.id),
    bad: some.filter((one) => one.tone === "bad").length,
  };
}

/** Of the circle that counts things, in pixels. */
export const radiusOf = (one: Cluster): number => 9 + Math.min(7, Math.log2(one.ids.length));

function batchOf(key: string, some: One[]): Batch {
  const first = some[0]!;
  const positions = new Float64Array(some.length * 3);
  const angles = MOVING.has(first.thing.kind) ? new Float32Array(some.length) : null;
  some.forEach(({ thing, at }, index) => {
    positions[index * 3] = at.lon;
    positions[index * 3 + 1] = at.lat;
    positions[index * 3 + 2] = at.z;
    if (angles) angles[index] = -Number(thing.values["bearing"] ?? 0);
  });
  return {
    key,
    shape: shapeOf(first.thing),
    tone: first.tone,
    ghost: first.ghost,
    positions,
    angles,
    ids: some.map((one) => one.thing.id),
  };
}

/** Kinds whose things belong to a layer: a change of another kind leaves its picture as it is. */
export const KINDS_OF: Partial<Record<LayerId, readonly string[]>> = {
  metro: ["supply", "vehicle"],
  bus: ["supply", "vehicle"],
  taxi: ["supply", "vehicle"],
  ride_hailing: ["supply", "vehicle"],
  parking: ["supply"],
  queue: ["queue"],
  staff: ["staff"],
  device: ["camera", "device"],
  weather: ["weather", "warning"],
};
