/** Personal fields on the screen: held for a short time in memory, nowhere else, and then forgotten. */

import type { MyGrant } from "../api/types";

export const GLIMPSE_MS = 5 * 60_000;

export class Glimpse {
  private held: ReadonlyMap<string, string> | null = null;
  private untilMs = 0;

  /** Takes the fields of one person; what was held before is gone. */
  show(fields: Readonly<Record<string, string>>, nowMs: number): void {
    this.held = new Map(Object.entries(fields));
    this.untilMs = nowMs + GLIMPSE_MS;
  }

  /** What is held at a moment; asking too late forgets it. */
  read(nowMs: number): ReadonlyMap<string, string> | null {
    if (this.held !== null && nowMs >= this.untilMs) this.forget();
    return this.held;
  }

  leftS(nowMs: number): number {
    return this.held === null ? 0 : Math.max(0, Math.ceil((this.untilMs - nowMs) / 1000));
  }

  forget(): void {
    this.held = null;
    this.untilMs = 0;
  }
}

/** The fields that one live grant allows for a purpose: a question must be covered by a single grant. */
export function coverOf(
  grants: readonly MyGrant[],
  asked: { scene: string; purpose: string; fields: readonly string[] },
  nowMs: number,
): MyGrant | null {
  return (
    grants.find(
      (one) =>
        one.scene === asked.scene &&
        nowMs < one.until_min * 60_000 &&
        one.purposes.some((purpose) => purpose === asked.purpose) &&
        asked.fields.every((field) => one.columns.includes(field)),
    ) ?? null
  );
}

/** Grants of a scene that hold at a moment, the longest first. */
export function liveOf(grants: readonly MyGrant[], scene: string, nowMs: number): MyGrant[] {
  return grants
    .filter((one) => one.scene === scene && nowMs < one.until_min * 60_000)
    .sort((a, b) => b.until_min - a.until_min);
}
