/** Keeps the newest change per key between two paints; what is an alarm never waits and is never merged. */

export interface Change<T> {
  key: string;
  value: T;
  revision: number;
}

export class Conflator<T> {
  private waiting = new Map<string, Change<T>>();

  /** Takes a change; an older revision of the same key is dropped. */
  take(change: Change<T>): void {
    const held = this.waiting.get(change.key);
    if (held && held.revision > change.revision) return;
    this.waiting.delete(change.key);
    this.waiting.set(change.key, change);
  }

  /** Returns what is waiting, oldest key first, and forgets it. */
  drain(): Change<T>[] {
    const changes = [...this.waiting.values()].sort((a, b) => a.revision - b.revision);
    this.waiting.clear();
    return changes;
  }
}
