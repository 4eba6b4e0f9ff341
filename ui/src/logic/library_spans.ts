/** Lengths of time of the library, from milliseconds of a machine to weeks of people; one unit each, two from a day on. */

export interface Part {
  unit: "ms" | "second" | "minute" | "hour" | "day";
  n: string;
}

const tenth = (value: number): string => (value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value)));

/** `340 ms`, `4.2 s`, `12 min`, `3.5 h`, `2 d`; never below nothing. */
export function spanOf(ms: number): Part {
  const size = Math.max(0, ms);
  if (size < 999.5) return { unit: "ms", n: String(Math.round(size)) };
  if (size < 59_500) return { unit: "second", n: tenth(size / 1_000) };
  if (size < 59.5 * 60_000) return { unit: "minute", n: tenth(size / 60_000) };
  if (size < 36 * 3_600_000) return { unit: "hour", n: tenth(size / 3_600_000) };
  return { unit: "day", n: tenth(size / 86_400_000) };
}

export type Freshness = "fresh" | "late" | "stale" | "unknown" | "unpromised";

/** How a dataset stands against its promise: late within two promises, stale beyond (as everywhere: two cadences). */
export function freshness(ageMin: number | null, promiseMin: number | null): Freshness {
  if (ageMin === null) return "unknown";
  if (promiseMin === null) return "unpromised";
  if (ageMin <= promiseMin) return "fresh";
  return ageMin <= 2 * promiseMin ? "late" : "stale";
}
