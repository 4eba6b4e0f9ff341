/** The day of the strip under the page: minutes of a day in the zone of the hub, and back to moments. */

import { clockSeconds, hubDate, minuteOfDay } from "./time";

const MINUTE = 60_000;
export const DAY_MINUTES = 1440;

/** Share of the day that has passed at a moment, 0 to 1, by the clock on the wall. */
export function dayShare(ms: number, zone: string): number {
  const [hours = "0", minutes = "0", seconds = "0"] = clockSeconds(ms, zone).split(":");
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) / 86_400;
}

/** The moment at which a clock at the hub shows `minute` (0 to 1439) on the day of `ms`. Where the clock is put back and
 * shows it twice, one of the two; where it is put forward and never shows it, the moment after. */
export function momentOf(ms: number, minute: number, zone: string): number {
  const day = hubDate(ms, zone);
  const guess = Math.floor(ms / MINUTE) * MINUTE + (minute - minuteOfDay(ms, zone)) * MINUTE;
  const off = offBy(guess, day, minute, zone);
  return off === 0 ? guess : guess - off * MINUTE;
}

/** By how many minutes the clock at a moment is ahead of a minute of a day. */
function offBy(ms: number, day: string, minute: number, zone: string): number {
  const shown = hubDate(ms, zone);
  const days = shown === day ? 0 : shown > day ? 1 : -1;
  return days * DAY_MINUTES + minuteOfDay(ms, zone) - minute;
}

/** The same time of day some days later or earlier. */
export function shiftDays(ms: number, days: number, zone: string): number {
  const noon = momentOf(ms, 720, zone) + days * DAY_MINUTES * MINUTE;
  return momentOf(noon, minuteOfDay(ms, zone), zone) + (ms % MINUTE);
}

export interface Mark {
  at_ms: number;
  kind: string;
  severity: string;
}

export interface MarkGroup {
  /** Share of the day, 0 to 1. */
  share: number;
  /** The first of them: where a click leads. */
  at_ms: number;
  count: number;
  severity: string;
  kinds: string[];
}

const RANK = ["extreme", "severe", "moderate", "minor"];
const rank = (severity: string): number => {
  const at = RANK.indexOf(severity.toLowerCase());
  return at < 0 ? RANK.length : at;
};

/** Marks of the day of `ms`, those within `minutes` of each other as one with the worst severity: a flood stays legible. */
export function groupMarks(marks: Iterable<Mark>, ms: number, zone: string, minutes = 12): MarkGroup[] {
  const day = hubDate(ms, zone);
  const groups = new Map<number, MarkGroup>();
  for (const mark of [...marks].sort((a, b) => a.at_ms - b.at_ms)) {
    if (hubDate(mark.at_ms, zone) !== day) continue;
    const slot = Math.floor(minuteOfDay(mark.at_ms, zone) / minutes);
    const held = groups.get(slot);
    if (!held) {
      const share = dayShare(mark.at_ms, zone);
      groups.set(slot, { share, at_ms: mark.at_ms, count: 1, severity: mark.severity, kinds: [mark.kind] });
      continue;
    }
    held.count += 1;
    if (rank(mark.severity) < rank(held.severity)) held.severity = mark.severity;
    if (!held.kinds.includes(mark.kind)) held.kinds.push(mark.kind);
  }
  return [...groups.values()];
}
