/** A venue taken apart for drawing: the places of each level, the plate under them, and what the map writes on them. */

import type { Feature, Level, VenueReply } from "../api/panorama";
import { bottomUp, middleOf, polygonsOf, wallOf, type Lonlat } from "./stack";

export interface Piece {
  feature: Feature;
  level: Level;
  rings: Lonlat[][];
  wall: number;
}

export interface Floor {
  level: Level;
  pieces: Piece[];
  /** The outline around everything on the level. */
  plate: Lonlat[];
}

const DRAWN = new Set<Feature["kind"]>(["unit", "kiosk"]);

export function floorsOf(venue: VenueReply): Floor[] {
  const byLevel = new Map<string, Feature[]>();
  for (const one of venue.features)
    if (one.level_id !== null && DRAWN.has(one.kind)) {
      const held = byLevel.get(one.level_id);
      if (held) held.push(one);
      else byLevel.set(one.level_id, [one]);
    }
  return bottomUp(venue.levels).map((level) => {
    const pieces = (byLevel.get(level.level_id) ?? []).flatMap((feature) =>
      polygonsOf(feature.geometry).map((rings) => ({ feature, level, rings, wall: wallOf(level, feature) })),
    );
    return { level, pieces, plate: hullOf(pieces.flatMap((one) => one.rings[0] ?? [])) };
  });
}

/** The convex outline around points, counter-clockwise and closed (monotone chain, A. M. Andrew 1979). */
export function hullOf(points: readonly Lonlat[]): Lonlat[] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  if (sorted.length < 3) return [];
  const half = (some: readonly Lonlat[]): Lonlat[] => {
    const chain: Lonlat[] = [];
    for (const one of some) {
      while (chain.length > 1 && turn(chain.at(-2)!, chain.at(-1)!, one) <= 0) chain.pop();
      chain.push(one);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(sorted), ...half(sorted.reverse())];
  return [...hull, hull[0]!];
}

const turn = (a: Lonlat, b: Lonlat, c: Lonlat): number => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/** Every place of the venue as a point with its level: where things stand that tell only a code. */
export function placesOf(venue: VenueReply): Map<string, { at: Lonlat; level: Level | null; wall: number }> {
  const levels = new Map(venue.levels.map((one) => [one.level_id, one]));
  return new Map(
    venue.features.map((one) => {
      const level = one.level_id === null ? null : (levels.get(one.level_id) ?? null);
      return [one.code, { at: middleOf(one.geometry), level, wall: wallOf(level ?? undefined, one) }];
    }),
  );
}

/** Size of a place on the ground, in square degrees: only to tell the larger from the smaller. */
export function sizeOf(rings: readonly Lonlat[][]): number {
  const ring = rings[0] ?? [];
  let sum = 0;
  for (let at = 0; at + 1 < ring.length; at++) sum += ring[at]![0] * ring[at + 1]![1] - ring[at + 1]![0] * ring[at]![1];
  return Math.abs(sum) / 2;
}
