/** Hatching: lines across a polygon. A pattern tells what a colour alone must not: too full, not seen, not sensed. */

import { metresBetween, type Lonlat } from "./stack";

export type Segment = [Lonlat, Lonlat];

export interface Hatching {
  /** Metres between two lines. */
  gapM: number;
  /** Degrees, counted from east to north. */
  angle: number;
}

/** At most this many lines on one polygon: a wide square is hatched more widely than a small room. */
const MOST = 60;

/**
 * The parts of parallel lines that lie inside a polygon, by its rings (the first is the outer one, others are holes). A
 * line is cut where it meets a ring; between an odd and the next even cut it is inside.
 */
export function hatch(rings: readonly Lonlat[][], { gapM, angle }: Hatching): Segment[] {
  const origin = rings[0]?.[0];
  if (!origin) return [];
  const turn = (angle * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const scale = metresBetween(origin, [origin[0] + 1, origin[1]])[0];
  const upScale = metresBetween(origin, [origin[0], origin[1] + 1])[1];
  const turned = rings.map((ring) =>
    ring.map((point): Lonlat => {
      const [x, y] = [(point[0] - origin[0]) * scale, (point[1] - origin[1]) * upScale];
      return [x * cos + y * sin, y * cos - x * sin];
    }),
  );
  const back = (u: number, v: number): Lonlat => [
    origin[0] + (u * cos - v * sin) / scale,
    origin[1] + (u * sin + v * cos) / upScale,
  ];
  const heights = turned[0]!.map((point) => point[1]);
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const gap = Math.max(gapM, (high - low) / MOST);
  const found: Segment[] = [];
  for (let v = Math.ceil(low / gap) * gap; v < high; v += gap) {
    const cuts = turned.flatMap((ring) => cutsOf(ring, v)).sort((a, b) => a - b);
    for (let at = 0; at + 1 < cuts.length; at += 2) found.push([back(cuts[at]!, v), back(cuts[at + 1]!, v)]);
  }
  return found;
}

/** Where a ring crosses the height `v`. A corner that lies on it counts for one of its two sides only. */
function cutsOf(ring: Lonlat[], v: number): number[] {
  const cuts: number[] = [];
  for (let at = 0; at + 1 < ring.length; at++) {
    const [a, b] = [ring[at]!, ring[at + 1]!];
    if (a[1] <= v === b[1] <= v) continue;
    cuts.push(a[0] + ((v - a[1]) / (b[1] - a[1])) * (b[0] - a[0]));
  }
  return cuts;
}
