/** How far what is sensed can be trusted now: by the state of its source, else by its age. */

import type { Thing } from "../api/panorama";
import type { Source } from "../api/types";
import { isFresh } from "../boards/data";
import { LAYERS, layerOf, type LayerId } from "./catalogue";

export type SourceState = Source["state"] | "unknown";

export type SourceStates = ReadonlyMap<string, Source>;

export const byName = (sources: Iterable<Source>): SourceStates => new Map([...sources].map((one) => [one.name, one]));

/** Whether a thing tells what was, not what is: by the same rule as the figures of the boards. */
export function isStale(
  thing: Pick<Thing, "source" | "at_ms" | "kind">,
  sources: SourceStates,
  nowMs: number,
): boolean {
  return !isFresh(thing, sources.get(thing.source), nowMs);
}

export interface LayerState {
  count: number;
  /** How many of them are not live. */
  stale: number;
  /** When the newest of them was sensed; null where there is none. */
  newestMs: number | null;
  /** The worst state of the sources behind it. */
  state: SourceState | "none";
  /** Names of the sources that do not tell what they should. */
  lost: string[];
}

const WORST: readonly (SourceState | "none")[] = ["failed", "late", "maintenance", "off", "unknown", "live", "none"];

export const worse = <T extends SourceState | "none">(a: T, b: T): T => (WORST.indexOf(a) <= WORST.indexOf(b) ? a : b);

const nothing = (): LayerState => ({ count: 0, stale: 0, newestMs: null, state: "none", lost: [] });

/** What the layers that are no things rest on: datasets of sources, none for what the hub itself keeps. */
export const RESTS_ON: Partial<Record<LayerId, readonly string[]>> = {
  train: ["running_information", "rail_calls"],
  area: ["risk_areas"],
  case: [],
  alarm: [],
};

/**
 * How a list stands: by the sources that feed it. Where none is read (a list that was brought in by hand) and for what
 * the hub keeps itself, its age is that of its newest line, and it is as live as the page.
 */
export function listState(
  count: number,
  newestMs: number | null,
  datasets: readonly string[],
  sources: Iterable<Source>,
): LayerState {
  const feeds = [...sources].filter(
    (one) => one.state !== "off" && one.datasets?.some((name) => datasets.includes(name)),
  );
  if (feeds.length === 0) return { ...nothing(), count, newestMs, state: "live" };
  const heard = feeds.map((one) => one.last_read_min ?? 0);
  const lost = feeds.filter((one) => one.state !== "live");
  return {
    count,
    stale: lost.length > 0 ? Math.max(1, count) : 0,
    newestMs: Math.min(...heard) * 60_000 || null,
    state: feeds.map((one): SourceState => one.state).reduce(worse),
    lost: lost.map((one) => one.name),
  };
}

/** Count, age of the newest datum and state of each layer that is made of things. */
export function layerStates(
  things: Iterable<Thing>,
  sources: SourceStates,
  nowMs: number,
): Record<LayerId, LayerState> {
  const found = Object.fromEntries(LAYERS.map((one) => [one, nothing()])) as Record<LayerId, LayerState>;
  for (const thing of things) {
    const layer = layerOf(thing);
    if (layer === null) continue;
    const held = found[layer];
    held.count += 1;
    held.newestMs = Math.max(held.newestMs ?? 0, thing.at_ms);
    const source = sources.get(thing.source);
    const stale = isStale(thing, sources, nowMs);
    held.state = worse(held.state, source?.state ?? (stale ? "unknown" : "live"));
    if (!stale) continue;
    held.stale += 1;
    if (!held.lost.includes(thing.source)) held.lost.push(thing.source);
  }
  return found;
}
