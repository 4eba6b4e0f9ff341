/** The rows of a case's steps as the page shows them. */

import type { CaseStep } from "../api/types";
import { STEPS } from "./steps";

/** The number of each of the six steps; a branch has none. */
export function stepNumbers(rows: readonly Pick<CaseStep, "step">[]): Map<string, number> {
  const six = new Map<string, number>(STEPS.map((step, index) => [step, index + 1]));
  return new Map(rows.flatMap(({ step }) => (six.has(step) ? [[step, six.get(step)!] as const] : [])));
}

/** By how many minutes a step that is done was finished after its deadline; 0 in time. */
export function minutesLate(row: Pick<CaseStep, "finished_min" | "deadline_min">): number {
  if (row.finished_min === null || row.deadline_min === null) return 0;
  return Math.max(0, row.finished_min - row.deadline_min);
}

/** How a transfer stands. */
export function transferStands(row: Pick<CaseStep, "transfer">): "waiting" | "left" | "arrived" {
  if (row.transfer?.arrived_min != null) return "arrived";
  return row.transfer?.left_min != null ? "left" : "waiting";
}
