/** Partners as their page computes them: what needs somebody, which messages a figure stands for, what a form asks. */

import type { GivenDay, Letter, PartnerAgreement, PartnerMessage, PartnerRow } from "../api/types";
import { hubDate } from "./time";

export type View = "given" | "received" | "used" | "refused" | "late";
export const VIEWS: readonly View[] = ["given", "received", "used", "refused", "late"];

export interface Need {
  /** A key of the texts of partners. */
  key: string;
  n: number;
  /** Whether a person has to do something now. */
  grave: boolean;
}

/** What somebody should know of a partner at a glance, the gravest first; empty: all is well. */
export function needsOf(row: PartnerRow): Need[] {
  const found: Need[] = [];
  if (row.agreement === "expired") found.push({ key: "expired", n: 0, grave: true });
  if (row.agreement === "none") found.push({ key: "no_agreement", n: 0, grave: true });
  if (row.agreement === "later") found.push({ key: "later", n: 0, grave: false });
  if (row.channel.state === "failed") found.push({ key: "channel_failed", n: 0, grave: true });
  if (row.late > 0) found.push({ key: "late_n", n: row.late, grave: true });
  if (row.agreement === "expiring") {
    const n = row.ends_in_days ?? 0;
    found.push({ key: n > 0 ? "expires_in" : "expires_today", n, grave: false });
  }
  if (row.refused > 0) found.push({ key: "refused_n", n: row.refused, grave: false });
  if (row.waiting > 0) found.push({ key: "waiting_n", n: row.waiting, grave: false });
  return found;
}

/** The messages that a line of the figures counts: of one profile on one day of the hub. */
export function messagesOf(messages: readonly PartnerMessage[], day: GivenDay, zone: string): PartnerMessage[] {
  return messages.filter((one) => one.profile === day.profile && hubDate(one.at_min * 60_000, zone) === day.day);
}

export const lateOf = (messages: readonly PartnerMessage[]): PartnerMessage[] =>
  messages.filter((one) => one.late_min > 0).sort((a, b) => b.late_min - a.late_min);

/** How an agreement stands in words: a key and a number of days. */
export function daysOf(one: PartnerAgreement): { key: string; n: number } {
  if (one.state === "later") return { key: "later", n: 0 };
  if (one.days_left < 0) return { key: "days_over", n: -one.days_left };
  return one.days_left === 0 ? { key: "last_day", n: 0 } : { key: "days_left", n: one.days_left };
}

/** What is sent for an answer; a minute is told from now, and stands as an epoch minute. */
export interface AnswerDraft {
  said: Letter["answerable"][number];
  inMinutes: string;
  note: string;
  key: string;
}

export function answerAsk(draft: AnswerDraft, nowMin: number): Record<string, unknown> {
  const minutes = draft.said === "accepted" && draft.inMinutes.trim() !== "" ? Number(draft.inMinutes) : null;
  return {
    said: draft.said,
    note: draft.said === "refused" ? draft.note.trim() : "",
    expected_min: minutes === null ? null : nowMin + Math.round(minutes),
    key: draft.key,
  };
}

/** Whether an answer can be sent: a refusal says why, a minute is a number. */
export const answerReady = (draft: AnswerDraft): boolean =>
  (draft.said !== "refused" || draft.note.trim().length > 0) &&
  (draft.said !== "accepted" || draft.inMinutes.trim() === "" || /^\d{1,4}$/.test(draft.inMinutes.trim()));
