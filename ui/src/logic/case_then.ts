/** A case file as it stood at an earlier moment: what came later is left out. */

import type { Case, CaseFile, CaseStep } from "../api/types";

/** `row` is the case as it was shown then; null where it was not open then. */
export function fileThen(file: CaseFile, row: Case | null, ms: number): CaseFile | null {
  if (row === null) return null;
  const minute = Math.floor(ms / 60_000);
  const came = (at: number): boolean => at <= minute;
  return {
    ...file,
    case: row,
    timeline: file.timeline.filter((one) => came(one.at_min)),
    evidence: file.evidence.filter((one) => came(one.at_min)),
    steps: file.steps.map((step) => stepThen(step, minute)),
    proposals: [],
    appeals: [],
    moves: [],
    times: Object.fromEntries(
      Object.entries(file.times).map(([step, at]) => [step, at !== null && came(at) ? at : null]),
    ) as CaseFile["times"],
  };
}

function stepThen(step: CaseStep, minute: number): CaseStep {
  const after = (at: number | null): boolean => at !== null && at > minute;
  if (step.started_min === null || after(step.started_min))
    return { ...step, standing: "ahead", started_min: null, finished_min: null, deadline_min: null, ...UNKNOWN };
  if (after(step.finished_min)) return { ...step, standing: "now", finished_min: null, ...UNKNOWN };
  return step;
}

const UNKNOWN = { result: null, next: null, transfer: null } as const;
