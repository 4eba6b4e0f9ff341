/** The times of the loop as lengths: how long each step of a train took, from sensed on. */

import type { Board, Train } from "../api/types";

export const LOOP = ["sensed", "warned", "dispatched", "accepted", "on_site", "closed"] as const;
export type LoopStep = (typeof LOOP)[number];
export const STRETCHES = LOOP.slice(1);

export interface LoopRow {
  train: string;
  /** Minutes of each stretch, null where it was not reached; a step that was skipped counts with the next one. */
  stretches: (number | null)[];
}

/** One row a train that was sensed and warned, in the order given. */
export function loopRows(trains: Iterable<Pick<Train, "train" | "times">>): LoopRow[] {
  const rows: LoopRow[] = [];
  for (const { train, times } of trains) {
    let before = times.sensed ?? null;
    if (before === null) continue;
    const stretches = STRETCHES.map((step) => {
      const at = times[step] ?? null;
      if (at === null || before === null) return null;
      const length = Math.max(0, at - before);
      before = at;
      return length;
    });
    if (stretches.some((one) => one !== null)) rows.push({ train, stretches });
  }
  return rows;
}

/** The steps that the board measures, in the order of the loop. */
export function stepRows(times: Board["loop_times"]): Board["loop_times"] {
  const order = (step: string): number => {
    const at = LOOP.indexOf(step as LoopStep);
    return at < 0 ? LOOP.length : at;
  };
  return [...times].filter((one) => order(one.step) < LOOP.length).sort((a, b) => order(a.step) - order(b.step));
}
