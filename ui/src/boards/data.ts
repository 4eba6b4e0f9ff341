/** What boards ask of a moment: things of a kind, those that are fresh, sums that know what they miss. */

import type { Thing } from "../api/panorama";
import type { Source } from "../api/types";
import type { Moment, Reading } from "./board";

/** A source that is not known cannot be said to be live: its things count as seen last after this time. */
const UNKNOWN_MS = 5 * 60_000;
/** Kinds that are told only when they change: they are as live as their source, however old. */
const ON_CHANGE = new Set(["warning", "device", "camera", "staff"]);

/** Older than two cadences of its source, or of a source that is not live: shown as last seen, counted as not sensed. */
export function isFresh(
  thing: Pick<Thing, "kind" | "at_ms">,
  source: Pick<Source, "state" | "cadence_s"> | undefined,
  ms: number,
): boolean {
  if (!source) return ms - thing.at_ms <= UNKNOWN_MS;
  if (source.state !== "live") return false;
  if (ON_CHANGE.has(thing.kind)) return true;
  return source.cadence_s <= 0 || ms - thing.at_ms <= 2 * source.cadence_s * 1000 + 60_000;
}

export interface Sensed {
  fresh: Thing[];
  silent: Thing[];
}

export function sensed(moment: Moment, kind: string, where: (one: Thing) => boolean = () => true): Sensed {
  const sources = new Map((moment.sources ?? []).map((one) => [one.name, one]));
  const found: Sensed = { fresh: [], silent: [] };
  for (const one of moment.things)
    if (one.kind === kind && where(one))
      (isFresh(one, sources.get(one.source), moment.ms - (moment.lagMs ?? 0)) ? found.fresh : found.silent).push(one);
  return found;
}

export const numberOf = (thing: Thing, value: string): number | null => {
  const told = thing.values[value];
  return typeof told === "number" ? told : null;
};

type Fold = "sum" | "max" | "min";

/** Folds a value over fresh things. Nothing sensed gives no data; what is silent is said and not counted. */
export function fold(found: Sensed, value: string, how: Fold): Reading {
  const told = found.fresh.filter((one) => numberOf(one, value) !== null);
  const all = told.map((one) => numberOf(one, value)!);
  const note = found.silent.length
    ? { key: "boards.silent", values: { n: found.silent.length, all: found.silent.length + found.fresh.length } }
    : undefined;
  if (all.length === 0) return { value: null, stale: found.silent.length > 0, ...(note ? { note } : {}) };
  const folded = how === "sum" ? all.reduce((a, b) => a + b, 0) : how === "max" ? Math.max(...all) : Math.min(...all);
  return {
    value: folded,
    atMs: Math.max(...told.map((one) => one.at_ms)),
    stale: found.silent.length > 0,
    ...(note ? { note } : {}),
  };
}

/** The share of trains that are expected to arrive no later than this after their time, in percent. */
export const ON_TIME_MIN = 5;

export function onTime(moment: Moment): Reading {
  const coming = (moment.trains ?? []).filter((one) => one.expected_min * 60_000 >= moment.ms);
  const tells = (moment.sources ?? []).filter((one) => one.datasets?.includes("running_information"));
  const stale = tells.some((one) => one.state !== "live" && one.state !== "off");
  if (coming.length === 0) return { value: null, stale };
  const good = coming.filter((one) => one.expected_min - one.scheduled_min <= ON_TIME_MIN).length;
  return {
    value: Math.round((100 * good) / coming.length),
    stale,
    note: { key: "boards.of_trains", values: { n: coming.length } },
  };
}
