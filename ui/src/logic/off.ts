/** Why no event is in force: none was ever declared, a person ended it, its last day is over, or it has not begun. */

import type { Emergency } from "../api/types";

export type Off = "never" | "ended" | "expired" | "not_yet";

export function whyOff(event: Emergency | null, nowMin: number): { why: Off; at_min: number | null } {
  if (event === null) return { why: "never", at_min: null };
  if (nowMin < event.begins_min) return { why: "not_yet", at_min: event.begins_min };
  // What the clock ended at the last minute ran out; a person can only end it before.
  if (event.ended_min !== null && event.ended_min < event.ends_min) return { why: "ended", at_min: event.ended_min };
  return { why: "expired", at_min: event.ends_min };
}
