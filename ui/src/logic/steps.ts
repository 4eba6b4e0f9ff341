/** The six steps of a case and which states belong to them; the board's columns come from here. */

import type { Case, CaseState } from "../api/types";

export const STEPS = ["report", "antigen", "review", "nucleic", "transfer", "feedback"] as const;
export type Step = (typeof STEPS)[number];
export type Lane = Step | "beside";

const LANE: Record<CaseState, Lane | null> = {
  found: "report",
  reported: "antigen",
  antigen: "antigen",
  review: "review",
  nucleic: "nucleic",
  transfer: "transfer",
  under_way: "transfer",
  feedback: "feedback",
  follow_up: "beside",
  refused: "beside",
  closed: null,
};

/** The column in which a case stands: the step that is due, or `beside`; null once closed. */
export function laneOf(state: CaseState): Lane | null {
  return LANE[state];
}

/** Cases by column, the one with least time left first; closed ones are left out. */
export function groupByLane(cases: Iterable<Case>): Record<Lane, Case[]> {
  const lanes = Object.fromEntries([...STEPS, "beside"].map((lane) => [lane, [] as Case[]])) as Record<Lane, Case[]>;
  for (const one of cases) {
    const lane = LANE[one.state];
    if (lane !== null) lanes[lane].push(one);
  }
  for (const lane of Object.values(lanes)) lane.sort(byTimeLeft);
  return lanes;
}

/** Least time left first; without a clock last; then the older one; then by id, so that nothing jumps. */
export function byTimeLeft(a: Case, b: Case): number {
  const left = (a.deadline_min ?? Infinity) - (b.deadline_min ?? Infinity);
  if (left && !Number.isNaN(left)) return left;
  return a.opened_min - b.opened_min || (a.case_id < b.case_id ? -1 : 1);
}
