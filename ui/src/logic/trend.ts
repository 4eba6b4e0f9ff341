/** The moments of a trend, and its points. */

export interface Point {
  ms: number;
  value: number | null;
}

export const TREND_STEP_MS = 10 * 60_000;
export const TREND_STEPS = 12;

/** The last round moments before `ms`, oldest first, none before `firstMs`: they stay the same while the clock runs on. */
export function trendMoments(ms: number, firstMs: number, step = TREND_STEP_MS, count = TREND_STEPS): number[] {
  const last = Math.floor(ms / step) * step;
  const all = Array.from({ length: count }, (_, index) => last - (count - 1 - index) * step);
  return all.filter((one) => one >= firstMs && one < ms);
}

/** Up, down or level, as a sign beside a figure: the value now against that of the moment before. */
export function tendency(points: readonly Point[]): "up" | "down" | "level" | null {
  const known = points.filter((one) => one.value !== null);
  const [before, now] = [known.at(-2)?.value, known.at(-1)?.value];
  if (before === undefined || before === null || now === undefined || now === null) return null;
  const least = Math.max(1, Math.abs(before) * 0.02);
  return now - before >= least ? "up" : before - now >= least ? "down" : "level";
}

/**
 * How far each end label of several lines is lifted, in pixels, so that none lies on another. `ends` are the newest
 * values, `plotPx` the height of the plot from 0 to the largest value, `gapPx` the height of a label.
 */
export function labelLifts(ends: readonly (number | null)[], most: number, plotPx: number, gapPx: number): number[] {
  const lifts = ends.map(() => 0);
  const known = ends.flatMap((value, index) => (value === null ? [] : [{ index, y: (value / (most || 1)) * plotPx }]));
  let free = -Infinity;
  for (const { index, y } of known.sort((a, b) => a.y - b.y || a.index - b.index)) {
    const at = Math.max(y, free);
    lifts[index] = at - y;
    free = at + gapPx;
  }
  return lifts;
}
