/** Remembers layers by what they were made of: the same parts give the same layers, which are then left as they are. */

interface Held<T> {
  parts: readonly unknown[];
  made: T[];
  used: boolean;
}

export class Memo<T> {
  private held = new Map<string, Held<T>>();

  of(name: string, parts: readonly unknown[], make: () => T[]): T[] {
    const before = this.held.get(name);
    if (before && before.parts.length === parts.length && before.parts.every((one, at) => Object.is(one, parts[at]))) {
      before.used = true;
      return before.made;
    }
    const made = make();
    this.held.set(name, { parts, made, used: true });
    return made;
  }

  /** Forgets what was not asked for since the last sweep: a layer that left the picture is ended and cannot come back. */
  sweep(): void {
    for (const [name, one] of this.held) {
      if (!one.used) this.held.delete(name);
      one.used = false;
    }
  }
}
