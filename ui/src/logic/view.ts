/** The arithmetic of the view's clock and of the strip under the page. */

/** Where a running clock stands after `elapsedMs` at `speed`, at most at `limitMs`, and never further back. */
export function advance(fromMs: number, elapsedMs: number, speed: number, limitMs: number): number {
  return Math.max(fromMs, Math.min(fromMs + elapsedMs * speed, limitMs));
}
