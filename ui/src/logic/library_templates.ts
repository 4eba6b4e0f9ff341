/** Templates that an owner signs beforehand: what is proposed, and what the form asks. */

import type { DatasetReply, TemplateIn, TemplateView } from "../api/library";

const MASKED = "L3";
const TOP = "L4";
export const PROPOSED_DAYS = 90;
export const HOLDS_DAYS = 365;
const SHORTER = [7, 30];

/** What a template may give at a time: up to what the published rule lets go under one. */
export const givenDays = (most: number): number[] => [...SHORTER.filter((days) => days < most), most];

type Known = Pick<DatasetReply, "line" | "columns" | "purposes">;

/** For street offices: rows of their own street, everything below L4, L3 masked, the purposes that the catalogue names. */
export function proposal(one: Known, purposes: readonly string[], most: number = PROPOSED_DAYS): TemplateIn {
  const given = one.columns.filter((column) => column.grade < TOP && (column.grade < MASKED || column.mask !== ""));
  const listed = one.purposes.map((each) => each.id);
  return {
    dataset: one.line.name,
    columns: given.map((column) => column.name),
    masks: given.filter((column) => column.grade >= MASKED).map((column) => [column.name, column.mask]),
    purposes: listed.length > 0 ? listed : [...purposes],
    agencies: [],
    kinds: ["street"],
    own_street: true,
    rows: null,
    max_days: most,
    days: HOLDS_DAYS,
    alone: true,
  };
}

/** Own datasets for which nothing that is proposed was signed: shared at all, known by street, without a live template. */
export function unsigned<T extends Pick<DatasetReply, "line" | "street_column">>(
  all: readonly T[],
  templates: readonly Pick<TemplateView, "dataset" | "live">[],
): T[] {
  const signed = new Set(templates.filter((one) => one.live).map((one) => one.dataset));
  return all.filter(
    (one) => one.line.sharing === "restricted" && one.street_column !== "" && !signed.has(one.line.name),
  );
}
