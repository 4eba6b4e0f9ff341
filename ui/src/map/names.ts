/** What the map writes: levels, places, and what is chosen; which of it fits is decided later. */

import type { Level } from "../api/panorama";
import type { Names } from "../api/types";
import type { Label } from "./labelfit";
import { sizeOf, type Floor } from "./pieces";
import { middleOf } from "./stack";

/** What joins levels is everywhere: its name is in its card. Places that people are sent to are named before halls, however small they are. */
const UNNAMED = new Set(["stairs", "escalator", "elevator", "ramp", "steps"]);
const FIRST = /platform|entrance|exit|lobby|ticket/;

export interface Naming {
  floors: readonly Floor[];
  lifts: ReadonlyMap<string, number>;
  level: string | null;
  chosen: string | null;
  named: (names: Names) => string;
}

/** Names of levels first, then of places of the chosen level, or of all, the larger before the smaller. */
export function namesOf({ floors, lifts, level, chosen, named }: Naming): Label[] {
  const labels: Label[] = [];
  for (const floor of floors) {
    const z = lifts.get(floor.level.level_id) ?? 0;
    const looked = level === null || level === floor.level.code;
    const corner = cornerOf(floor);
    if (corner && !floor.level.outdoor)
      labels.push({
        id: `level ${floor.level.code}`,
        text: levelName(floor.level, named),
        lon: corner[0],
        lat: corner[1],
        z,
        size: level === floor.level.code ? 15 : 13,
        order: 0,
        start: true,
      });
    if (!looked) continue;
    for (const piece of floor.pieces) {
      const { name, code, category } = piece.feature;
      if (!name || (UNNAMED.has(category) && code !== chosen)) continue;
      const [lon, lat] = middleOf(piece.feature.geometry);
      const size = sizeOf(piece.rings) * 1e7;
      labels.push({
        id: code,
        text: named(name),
        lon,
        lat,
        z: z + piece.wall + 1,
        size: code === chosen ? 14 : 12,
        order: code === chosen ? -1 : FIRST.test(category) ? 1 + 1 / (2 + size) : 3 + 1 / (1 + size),
      });
    }
  }
  return labels;
}

export function levelName(one: Level, named: (names: Names) => string): string {
  const [short, long] = [named(one.short_name), named(one.name)];
  return short === "" || short === long ? long : `${short} ${long}`;
}

/** The westernmost corner of a level: names of levels stand in one column beside the stack. */
function cornerOf(floor: Floor): readonly [number, number] | null {
  return floor.plate.reduce<readonly [number, number] | null>(
    (west, one) => (west === null || one[0] < west[0] ? one : west),
    null,
  );
}
