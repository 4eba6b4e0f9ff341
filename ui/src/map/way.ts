/** A way through the venue as lines in space, leg by leg. */

import type { WayLeg, WayReply } from "../api/panorama";
import { metresBetween, type Lonlat, type Point3 } from "./stack";

/** Drawn this far above the floor: over the walls of the units, under the names. */
const ABOVE_M = 5;

export interface WayLine {
  leg: number;
  by: WayLeg["by"];
  path: Point3[];
}

/**
 * One line per leg. A leg over a link joins the level before it with its own: its path begins at the height of the one
 * and ends at that of the other, also where the server gives both ends at one point.
 */
export function wayLines(way: WayReply, lifts: ReadonlyMap<string, number>): WayLine[] {
  let before: string | null = null;
  return way.legs.flatMap((leg, at) => {
    const to = heightOf(lifts, leg.level_id);
    const from: number = before === null ? to : heightOf(lifts, before);
    before = leg.level_id;
    if (leg.path.length === 0) return [];
    const path = leg.path.length === 1 ? [leg.path[0]!, leg.path[0]!] : leg.path;
    const last = path.length - 1;
    return [
      {
        leg: at,
        by: leg.by,
        path: path.map(([lon, lat], nr): Point3 => [lon, lat, nr === last ? to : from + ((to - from) * nr) / last]),
      },
    ];
  });
}

const heightOf = (lifts: ReadonlyMap<string, number>, level: string): number => (lifts.get(level) ?? 0) + ABOVE_M;

/** Legs as a person is told them: what follows on the same level in the same manner is one. */
export function mergeLegs(legs: readonly WayLeg[]): WayLeg[] {
  const merged: WayLeg[] = [];
  for (const leg of legs) {
    const before = merged.at(-1);
    if (before && leg.by === "walk" && before.by === "walk" && before.level_id === leg.level_id)
      merged[merged.length - 1] = {
        ...leg,
        seconds: before.seconds + leg.seconds,
        length_m: before.length_m + leg.length_m,
        path: [...before.path, ...leg.path],
      };
    else merged.push(leg);
  }
  return merged;
}

export interface Candidate {
  id: string;
  at: Lonlat;
  level: string;
  free: boolean;
}

/** Metres that a change of level counts for when only the straight distance is known. */
const PER_LEVEL_M = 60;

/** Free ones before busy ones, then by straight distance with levels counted; the way itself is asked for afterwards. */
export function nearest(
  all: readonly Candidate[],
  to: Lonlat,
  level: string,
  ordinals: ReadonlyMap<string, number>,
): Candidate[] {
  const here = ordinals.get(level) ?? 0;
  const away = (one: Candidate): number =>
    Math.hypot(...metresBetween(one.at, to)) + Math.abs((ordinals.get(one.level) ?? here) - here) * PER_LEVEL_M;
  return [...all].sort((a, b) => Number(b.free) - Number(a.free) || away(a) - away(b));
}
