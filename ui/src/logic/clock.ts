/** The one clock of the page: the hub's time as last told, carried on at the replay's speed. */

export class HubClock {
  private toldMs = 0;
  private atMs = 0;
  private speed = 1;
  private started = false;

  /** Takes the hub's time `toldMs` as heard at `atMs` of a steady local clock. */
  sync(toldMs: number, atMs: number, speed: number): void {
    const shown = this.started ? this.read(atMs) : toldMs;
    // A small step back would make countdowns flicker: hold still instead, and let time catch up.
    const back = shown - toldMs;
    this.toldMs = back > 0 && back < 2_000 * Math.max(1, speed) ? shown : toldMs;
    this.atMs = atMs;
    this.speed = speed;
    this.started = true;
  }

  get ready(): boolean {
    return this.started;
  }

  read(atMs: number): number {
    return this.toldMs + (atMs - this.atMs) * this.speed;
  }
}
