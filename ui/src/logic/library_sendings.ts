/** How far a sending to a partner is, in one word, and the counts that are worth telling. */

import type { SendingView } from "../api/library";

export type SendingState = "ready" | "way" | "waits" | "part" | "refused" | "done" | "instead";
type Counted = Pick<
  SendingView,
  "ready" | "sent" | "accepted" | "refused" | "held" | "superseded" | "messages" | "arrived" | "reason"
>;

/** Rows that somebody has to look at come first: a sending that the partner has partly is not "done". */
export function sendingState(one: Counted): SendingState {
  if (one.reason !== "") return "refused";
  if (one.refused + one.held > 0) return "part";
  if (one.sent > 0) return one.arrived < one.messages ? "way" : "waits";
  if (one.ready > 0) return "ready";
  return one.accepted > 0 || one.superseded === 0 ? "done" : "instead";
}

/** Rows that were not taken. */
export const untaken = (one: Counted): number => one.refused + one.held;

const ORDER = ["accepted", "refused", "held", "sent", "ready", "superseded"] as const;

/** Counts that are not nothing, in the order of the way back: what is settled first. */
export function sendingCounts(one: Counted): [(typeof ORDER)[number], number][] {
  return ORDER.map((name) => [name, one[name]] as [(typeof ORDER)[number], number]).filter(([, n]) => n > 0);
}

/** Whether somebody has to do something about it. */
export const isOff = (state: SendingState): boolean => state === "part" || state === "refused";

/** The number of a sending without the share that it is of: day and number are what people say to each other. */
export const sendingNumber = (batch: string): string => /\d{8}-\d+$/.exec(batch)?.[0] ?? batch;
