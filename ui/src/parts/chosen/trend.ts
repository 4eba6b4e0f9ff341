/** A trend as a line: points scaled into a small field, broken where nothing was sensed. */

import type { Thing } from "../../api/panorama";

export interface Trend {
  /** One path of an SVG; a gap begins anew. */
  path: string;
  low: number;
  high: number;
  fromMs: number;
  toMs: number;
}

export const WIDTH = 260;
export const HEIGHT = 56;
const PAD = 4;
/** A pause of more than so many usual steps is a gap: a line across it would claim what nobody sensed. */
const GAP = 4;

type History = readonly (readonly [number, Readonly<Thing["values"]>])[];

export function trendOf(history: History, name: string): Trend | null {
  const points = history
    .map(([atMs, values]) => ({ atMs, value: values[name] }))
    .filter((one): one is { atMs: number; value: number } => typeof one.value === "number");
  if (points.length < 2) return null;
  const values = points.map((one) => one.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [fromMs, toMs] = [points[0]!.atMs, points.at(-1)!.atMs];
  const x = (atMs: number): number => PAD + ((atMs - fromMs) / Math.max(1, toMs - fromMs)) * (WIDTH - 2 * PAD);
  const y = (value: number): number =>
    high === low ? HEIGHT / 2 : HEIGHT - PAD - ((value - low) / (high - low)) * (HEIGHT - 2 * PAD);
  const steps = points.slice(1).map((one, at) => one.atMs - points[at]!.atMs);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  const path = points
    .map((one, at) => {
      const gap = at === 0 || one.atMs - points[at - 1]!.atMs > usual * GAP;
      return `${gap ? "M" : "L"}${x(one.atMs).toFixed(1)} ${y(one.value).toFixed(1)}`;
    })
    .join("");
  return { path, low, high, fromMs, toMs };
}
