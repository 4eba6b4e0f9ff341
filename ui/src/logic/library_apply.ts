/** An application as the page fills it in: what it still misses, what it asks, how long machine and people took. */

import type { ApplyIn, BasketLine, BasketView, ItemView, LaneView, RowsIn, TermsView } from "../api/library";

export const TERMS_DAYS = [30, 90, 180, 365] as const;
export const FORMS = ["query", "api", "file"] as const;
const CHANNEL = "channel";
const SENSITIVE_FROM = 3;
const FIRST_DAYS = 90;

type Spans = Pick<TermsView, "automatic_days" | "template_days">;

/** Terms that are offered: the usual ones, and those at which a lane of the published rule ends. */
export function offeredDays(rule: Spans | null): number[] {
  const ends = rule ? [rule.automatic_days, rule.template_days] : [];
  return [...new Set([...TERMS_DAYS, ...ends])].sort((a, b) => a - b);
}

/** The term that is proposed first: what every lane of the rule takes. */
export const firstDays = (rule: Spans | null): number =>
  rule ? Math.min(FIRST_DAYS, rule.automatic_days, rule.template_days) : FIRST_DAYS;

export type RowsChoice = "street" | "all" | "values";

/** A dataset in the basket that is being filled. */
export interface DraftItem {
  dataset: string;
  /** Empty: those that the page proposes once it knows the dataset. */
  columns: string[];
  rows: RowsChoice;
  column: string;
  values: string;
  countsOnly: boolean;
  /** Whether columns were proposed already: somebody who took them all out means it. */
  touched: boolean;
}

export const draftOf = (dataset: string, columns: readonly string[] = []): DraftItem => ({
  dataset,
  columns: [...columns],
  rows: "street",
  column: "",
  values: "",
  countsOnly: false,
  touched: false,
});

export interface ApplyDraft {
  purpose: string;
  basis: string;
  days: number;
  delivery: string[];
  grantee: string;
  reason: string;
}
export const emptyApply = (): ApplyDraft => ({
  purpose: "",
  basis: "",
  days: FIRST_DAYS,
  delivery: ["query"],
  grantee: "",
  reason: "",
});

export const forScene = (draft: ApplyDraft): boolean => draft.grantee.startsWith("scene:");
export const forPartner = (draft: ApplyDraft): boolean => draft.grantee.startsWith("partner:");

/** A partner has no account here: what it is given leaves through its channel, and nothing else does. */
const deliveryOf = (draft: ApplyDraft): string[] =>
  forPartner(draft) ? [CHANNEL] : draft.delivery.filter((one) => one !== CHANNEL);

/** Columns that are proposed: those that are not sensitive. Who needs more names it; where all are, none is proposed. */
export function proposed(columns: readonly { name: string; grade: number }[]): string[] {
  return columns.filter((one) => one.grade < SENSITIVE_FROM).map((one) => one.name);
}

export const valuesOf = (item: DraftItem): string[] => [
  ...new Set(
    item.values
      .split(/[,，、;；\s]+/)
      .map((one) => one.trim())
      .filter(Boolean),
  ),
];

export interface Missing {
  what: "items" | "columns" | "values" | "purpose" | "basis" | "delivery" | "reason";
  dataset?: string;
}

/** What the form still misses, in the order of its fields. */
export function missingOf(draft: ApplyDraft, items: readonly DraftItem[]): Missing[] {
  const found: Missing[] = items.length === 0 ? [{ what: "items" }] : [];
  for (const item of items) {
    if (item.columns.length === 0) found.push({ what: "columns", dataset: item.dataset });
    if (item.rows === "values" && (item.column === "" || valuesOf(item).length === 0))
      found.push({ what: "values", dataset: item.dataset });
  }
  if (draft.purpose === "") found.push({ what: "purpose" });
  if (draft.basis === "") found.push({ what: "basis" });
  if (deliveryOf(draft).length === 0) found.push({ what: "delivery" });
  if (forScene(draft) && draft.reason.trim() === "") found.push({ what: "reason" });
  return found;
}

/** Rows of an item; none said means those of the own street. */
export function rowsOf(item: DraftItem): RowsIn | null {
  if (item.rows === "all") return { everything: true, column: "", values: [] };
  if (item.rows === "values") return { everything: false, column: item.column, values: valuesOf(item) };
  return null;
}

export function applyOf(draft: ApplyDraft, items: readonly DraftItem[], key: string): ApplyIn {
  return {
    key,
    purpose: draft.purpose,
    legal_basis: draft.basis,
    days: draft.days,
    delivery: deliveryOf(draft) as ApplyIn["delivery"],
    grantee: draft.grantee,
    kind: forScene(draft) ? "operational" : "sharing",
    reason: draft.reason.trim(),
    items: items.map((one) => ({
      dataset: one.dataset,
      columns: [...one.columns],
      rows: rowsOf(one),
      counts_only: one.countsOnly && !forPartner(draft),
    })),
  };
}

/** Closed lanes that stand between an item and an easier way; all of them where none is open. */
export function closedBefore(item: Pick<ItemView, "lane" | "lanes">): LaneView[] {
  const place = item.lanes.findIndex((one) => one.lane === item.lane);
  const before = place < 0 ? item.lanes : item.lanes.slice(0, place);
  return before.filter((one) => !one.open);
}

export interface Clocks {
  /** Milliseconds; null where that part was not needed. */
  machine: number | null;
  human: number | null;
  /** Whether people are still deciding. */
  running: boolean;
}

/** How long machine and people took for an item, from sending the basket until it was active, or until now. */
export function clocksOf(basket: Pick<BasketView, "submitted_ms">, item: ItemView, nowMs: number): Clocks {
  const byPerson = item.decided_by !== "" && !item.decided_by.startsWith("policy:");
  const from = basket.submitted_ms;
  if (item.decided_ms === null) {
    const waits = item.waits_for !== "";
    return { machine: null, human: waits ? Math.max(0, nowMs - from) : null, running: waits };
  }
  const human = byPerson ? Math.max(0, item.decided_ms - from) : null;
  const begun = byPerson ? item.decided_ms : from;
  return { machine: item.active_ms === null ? null : Math.max(0, item.active_ms - begun), human, running: false };
}

/** Terms in days that are shorter than what was asked. */
export const shorterTerms = (minutes: number): number[] => [7, ...TERMS_DAYS].filter((days) => days * 1440 < minutes);

/** What somebody has to decide first: overdue, then by its clock; what waits for nobody follows, the newest first. */
export function byUrgency(lines: readonly BasketLine[]): BasketLine[] {
  const due = (one: BasketLine): number => one.due_min ?? Number.MAX_SAFE_INTEGER;
  return [...lines].sort(
    (a, b) => Number(b.late) - Number(a.late) || due(a) - due(b) || b.submitted_ms - a.submitted_ms,
  );
}
