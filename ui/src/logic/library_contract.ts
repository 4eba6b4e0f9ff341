/** What a contract changes, sorted into what people ask: columns, grades, rules, terms. */

import type { ContractReply } from "../api/library";

export const GROUPS = ["columns", "grades", "rules", "terms"] as const;
export type ChangeGroup = (typeof GROUPS)[number];
type Told = Pick<ContractReply["changes"][number], "where"> & { before?: unknown; after?: unknown };

export interface ChangeLine {
  group: ChangeGroup;
  /** The column or rule, empty for a term; then which part of it, empty for the whole. */
  name: string;
  part: string;
  what: "added" | "gone" | "changed";
  before: unknown;
  after: unknown;
}

const absent = (value: unknown): boolean => value === null || value === undefined;

function lineOf(change: Told): ChangeLine {
  const [kind = "", name = "", ...rest] = change.where.split(".");
  const part = rest.join(".");
  const what = absent(change.before) ? "added" : absent(change.after) ? "gone" : "changed";
  const values = { what, before: change.before ?? null, after: change.after ?? null } as const;
  if (kind === "columns") return { group: part === "grade" ? "grades" : "columns", name, part, ...values };
  if (kind === "checks" || kind === "unchecked") return { group: "rules", name, part, ...values };
  return { group: "terms", name: "", part: change.where, ...values };
}

/** Changes by group, in the order in which somebody reads them; groups without any are left out. */
export function grouped(changes: readonly Told[]): [ChangeGroup, ChangeLine[]][] {
  const lines = changes.map(lineOf);
  return GROUPS.map((group): [ChangeGroup, ChangeLine[]] => [group, lines.filter((one) => one.group === group)]).filter(
    ([, all]) => all.length > 0,
  );
}

/** A value of a declaration as a reader of one language sees it. */
export function plain(value: unknown, lang: "zh" | "en"): string {
  if (absent(value)) return "–";
  if (Array.isArray(value)) return value.length > 0 ? value.map((one) => plain(one, lang)).join(", ") : "–";
  if (typeof value !== "object") return String(value);
  const told = value as Record<string, unknown>;
  if (typeof told[lang] === "string") return told[lang];
  return Object.entries(told)
    .filter(([, one]) => !absent(one) && one !== "")
    .map(([name, one]) => `${name}: ${plain(one, lang)}`)
    .join(", ");
}

/** Both sides of a change; where they look alike in the reader's language, in the other one. */
export function sides(before: unknown, after: unknown, lang: "zh" | "en"): [string, string] {
  const found: [string, string] = [plain(before, lang), plain(after, lang)];
  if (found[0] !== found[1]) return found;
  const other = lang === "zh" ? "en" : "zh";
  return [plain(before, other), plain(after, other)];
}
