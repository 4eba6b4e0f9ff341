/** What streets send back, in the order in which somebody has to act on it. */

import type { ReturnView } from "../api/library";

type Ordered = Pick<ReturnView, "answers" | "state" | "overdue" | "due_min" | "sent_min">;

/** What waits for the reader's own answer first, overdue before the rest, then the newest. */
export function returnsInOrder<T extends Ordered>(all: readonly T[]): T[] {
  const rank = (one: T): number => (one.state !== "sent" ? 2 : one.answers ? 0 : 1);
  return [...all].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      Number(b.overdue) - Number(a.overdue) ||
      (rank(a) < 2 ? a.due_min - b.due_min : b.sent_min - a.sent_min),
  );
}
