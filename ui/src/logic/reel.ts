/** A reel: what happened from a moment on, fetched in stretches ahead of the one who looks, handed out in order of time. */

export interface Moment {
  at_ms: number;
}

export interface Stretch<T extends Moment> {
  from_ms: number;
  /** Everything after `from_ms` up to and with this moment is in `moments`. */
  to_ms: number;
  moments: readonly T[];
}

/** The longest stretch that one request asks for. */
export const STRETCH_MS = 10 * 60_000;
/** How many seconds of looking should lie ready ahead. */
const AHEAD_S = 3;

export class Reel<T extends Moment> {
  private waiting: T[] = [];
  private covered: number;

  /** Begins with the picture of `startMs`, in which everything up to that moment is contained. */
  constructor(startMs: number) {
    this.covered = startMs;
  }

  /** The last moment up to which everything is here. */
  get coveredMs(): number {
    return this.covered;
  }

  /** Appends the stretch that follows; one that does not (an answer that comes late) is left out. */
  add(stretch: Stretch<T>): boolean {
    if (stretch.from_ms !== this.covered || stretch.to_ms <= stretch.from_ms) return false;
    // Equal moments keep the order in which they were told.
    this.waiting.push(...[...stretch.moments].sort((a, b) => a.at_ms - b.at_ms));
    this.covered = stretch.to_ms;
    return true;
  }

  /** Hands out what happened up to a moment, oldest first, once. */
  take(untilMs: number): T[] {
    let count = 0;
    while (count < this.waiting.length && this.waiting[count]!.at_ms <= untilMs) count += 1;
    return this.waiting.splice(0, count);
  }

  /** What to ask for next so that nobody waits, or null while enough lies ready; never beyond the present. */
  wants(atMs: number, speed: number, presentMs: number): { from_ms: number; to_ms: number } | null {
    const ahead = Math.max(60_000, speed * AHEAD_S * 1000);
    if (this.covered >= Math.min(atMs + ahead, presentMs)) return null;
    return { from_ms: this.covered, to_ms: Math.min(this.covered + STRETCH_MS, presentMs) };
  }
}
