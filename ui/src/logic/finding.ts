/** Why a person was flagged, read from the evidence of a finding; the reasons are in the reader's language. */

import type { Lang } from "../api/types";

export interface Finding {
  exit: string | null;
  gate: string | null;
  lane: string | null;
  atMin: number | null;
  /** Passed at the desk, not at a gate. */
  desk: boolean;
  origin: string | null;
  rule: string | null;
  table: string | null;
  measures: string[];
  reasons: string[];
  /** Level of what the matcher found; null where nothing was found. */
  level: string | null;
}

type Values = Readonly<Record<string, unknown>>;

/** Null where the values are not those of a finding at a gate: then they are shown as they are. */
export function readFinding(values: Values, lang: Lang): Finding | null {
  const reasons = texts(values[`reasons_${lang}`]);
  if (reasons.length === 0 && text(values["rule_id"]) === null) return null;
  return {
    exit: text(values["exit_id"]),
    gate: text(values["gate_id"]),
    lane: text(values["lane"]),
    atMin: typeof values["at_min"] === "number" ? values["at_min"] : null,
    desk: values["desk"] === true,
    origin: text(values["origin"]),
    rule: text(values["rule_id"]),
    table: text(values["version"]),
    measures: texts(values["measures"]),
    reasons,
    level: text(values["level"]),
  };
}

function text(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}

function texts(value: unknown): string[] {
  if (Array.isArray(value)) return value.filter((one): one is string => typeof one === "string" && one !== "");
  return typeof value === "string" && value !== "" ? [value] : [];
}
