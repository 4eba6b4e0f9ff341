/** Emergency access as the page fills it in: what is missing, what is asked, what came of it. */

import type { BasketView, EmergencyIn, LookUpsReply, ShareView } from "../api/library";
import { type DraftItem, rowsOf, valuesOf } from "./library_apply";

export const HOURS = [1, 2, 4, 8, 12, 24] as const;
const LEAST_WORDS = 2;

export interface UrgentDraft {
  purpose: string;
  basis: string;
  hours: number;
  reason: string;
}
export const emptyUrgent = (): UrgentDraft => ({ purpose: "", basis: "", hours: 4, reason: "" });

export interface Lacking {
  what: "datasets" | "columns" | "values" | "purpose" | "basis" | "reason";
  dataset?: string;
}

/** What is still missing. The own street does not count: who takes data in an emergency says which rows. */
export function lackingOf(draft: UrgentDraft, items: readonly DraftItem[]): Lacking[] {
  const found: Lacking[] = items.length === 0 ? [{ what: "datasets" }] : [];
  for (const { dataset, columns, rows, column, values } of items) {
    if (columns.length === 0) found.push({ what: "columns", dataset });
    const named = column !== "" && valuesOf({ values } as DraftItem).length > 0;
    if (rows === "street" || (rows === "values" && !named)) found.push({ what: "values", dataset });
  }
  if (draft.purpose === "") found.push({ what: "purpose" });
  if (draft.basis === "") found.push({ what: "basis" });
  if (draft.reason.trim().length < LEAST_WORDS) found.push({ what: "reason" });
  return found;
}

export function urgentOf(draft: UrgentDraft, items: readonly DraftItem[], key: string): EmergencyIn {
  return {
    key,
    purpose: draft.purpose,
    legal_basis: draft.basis,
    minutes: draft.hours * 60,
    reason: draft.reason.trim(),
    items: items.map((one) => ({
      dataset: one.dataset,
      columns: [...one.columns],
      rows: rowsOf(one),
      counts_only: false,
    })),
  };
}

/** How many items can be read now, and how many were not given. */
export function outcomeOf(basket: Pick<BasketView, "items">): { given: number; not: number } {
  const given = basket.items.filter((one) => one.state === "active" || one.state === "expiring").length;
  return { given, not: basket.items.length - given };
}

type Taken = Pick<ShareView, "lane" | "grantee" | "live" | "until_min">;

/** What somebody took in emergencies: what runs first, by its end, then what is over, the latest first. */
export function takenBy<T extends Taken>(user: string, shares: readonly T[]): T[] {
  const own = shares.filter((one) => one.lane === "emergency" && one.grantee === `user:${user}`);
  return own.sort((a, b) =>
    a.live !== b.live
      ? Number(b.live) - Number(a.live)
      : a.live
        ? a.until_min - b.until_min
        : b.until_min - a.until_min,
  );
}

/** What was looked up under a share, as far as one page of the audit tells. */
export function lookedUp(reply: LookUpsReply): { times: number; rows: number; more: boolean } {
  const answered = reply.lookups.filter((one) => one.why === null);
  return { times: answered.length, rows: answered.reduce((sum, one) => sum + one.rows, 0), more: reply.next !== null };
}
