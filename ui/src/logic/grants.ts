/** Grants as the page of access computes them: what a form still misses, what it asks, how long a grant holds. */

import type { Grant, GrantOptions, IssueGrant } from "../api/types";

export interface GrantDraft {
  scene: string;
  dataset: string;
  columns: string[];
  grantee: string;
  purposes: IssueGrant["purposes"];
  /** A number of days, or "until" for a day that is named. */
  term: string;
  until: string;
  emergency: string;
  reason: string;
  second: { user: string; password: string };
}

export const TERMS = ["1", "7", "14", "30", "90"] as const;
export const VAULT = "vault";
const REASON = 2;

/** A draft that grants nothing yet; a scene and an event are proposed, never a column, a person or a purpose. */
export function emptyGrant(options: GrantOptions): GrantDraft {
  const scene = options.scenes[0]?.scene ?? "";
  return {
    scene,
    dataset: VAULT,
    columns: [],
    grantee: "",
    purposes: [],
    term: "7",
    until: "",
    emergency: options.emergencies.find((one) => one.in_force && one.scene === scene)?.emergency_id ?? "",
    reason: "",
    second: { user: "", password: "" },
  };
}

export interface GranteeChoice {
  id: string;
  /** Empty for the scene itself. */
  name: string;
}

/** To whom a dataset of a scene may go: the vault to those whose post may unmask and to partners, a table to the scene as well. */
export function granteesOf(options: GrantOptions, scene: string, dataset: string): GranteeChoice[] {
  const found = options.scenes.find((one) => one.scene === scene);
  if (!found) return [];
  const may = (one: { id: string; unmasks: boolean }): boolean =>
    dataset === VAULT ? one.unmasks : !one.id.startsWith("partner:");
  const people = found.people.filter(may).map(({ id, name }) => ({ id, name }));
  return dataset === VAULT ? people : [{ id: found.grantee, name: "" }, ...people];
}

/** Names of what the form misses, in the order of its fields. */
export function missingOfGrant(draft: GrantDraft): string[] {
  const given: [string, boolean][] = [
    ["columns", draft.columns.length > 0],
    ["grantee", draft.grantee !== ""],
    ["purposes", draft.purposes.length > 0],
    ["term", draft.term !== "until" || draft.until !== ""],
    ["reason", draft.reason.trim().length >= REASON],
    ["second", draft.second.user.trim() !== "" && draft.second.password !== ""],
  ];
  return given.filter(([, there]) => !there).map(([name]) => name);
}

export function askOf(draft: GrantDraft): IssueGrant {
  return {
    scene: draft.scene,
    dataset: draft.dataset,
    columns: [...draft.columns],
    grantee: draft.grantee,
    purposes: [...draft.purposes],
    ...(draft.term === "until" ? { until: draft.until } : { days: Number(draft.term) }),
    ...(draft.emergency === "" ? {} : { emergency_id: draft.emergency }),
    reason: draft.reason.trim(),
    second: { user: draft.second.user.trim(), password: draft.second.password },
  };
}

/** Days, hours and minutes of a length of time, rounded down; never below nothing. */
export function daysParts(minutes: number): { days: number; hours: number; rest: number } {
  const whole = Math.max(0, Math.floor(minutes));
  return { days: Math.floor(whole / 1440), hours: Math.floor((whole % 1440) / 60), rest: whole % 60 };
}

/** Whether a grant holds at a moment; the server's word is as old as the page, the end is not. */
export function holds(grant: Pick<Grant, "live" | "until_min">, nowMs: number): boolean {
  return grant.live && nowMs < grant.until_min * 60_000;
}

export interface Sorted {
  live: Grant[];
  toReview: Grant[];
  past: Grant[];
}

/** Live grants by their end, glasses that wait for a review by their deadline, the rest newest first. */
export function sortGrants(grants: readonly Grant[], nowMs: number): Sorted {
  return {
    live: grants.filter((one) => holds(one, nowMs)).sort((a, b) => a.until_min - b.until_min),
    toReview: grants
      .filter((one) => one.review_due_min !== null)
      .sort((a, b) => (a.review_due_min ?? 0) - (b.review_due_min ?? 0)),
    past: grants.filter((one) => !holds(one, nowMs)).sort((a, b) => b.from_min - a.from_min),
  };
}
