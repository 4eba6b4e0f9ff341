/** What an order, an alarm or a case is about, in few characters: a train by its number, a person by a short pseudonym. */

import type { Case, Train } from "../api/types";

/** The short form of a pseudonym: enough to tell two people apart, nothing to know one by. */
export const shortPid = (pid: string): string =>
  pid
    .replace(/^.*[:_-]/, "")
    .slice(0, 6)
    .toUpperCase();

const ID = /^[0-9a-f]{16,}$/;

type Known = {
  trains: readonly Pick<Train, "subject" | "train">[];
  cases: readonly Pick<Case, "case_id" | "pid" | "train">[];
};

/** The number of a train by its subject; one that has left the list is known by the first word of it. */
export function trainIn(subject: string, trains: Known["trains"]): string {
  return trains.find((one) => one.subject === subject)?.train ?? subject.split(" ")[0] ?? subject;
}

/** A subject in words: a case by its person and train; an id that nobody can read by its beginning. */
export function about(subject: string, { trains, cases }: Known): string {
  const one = cases.find((held) => held.case_id === subject);
  if (one) return [shortPid(one.pid), one.train && trainIn(one.train, trains)].filter(Boolean).join(" · ");
  return ID.test(subject) ? shortPid(subject) : trainIn(subject, trains);
}

/** What an alarm is about: the person of its case, else its subject. */
export function aboutAlarm(alarm: { subject: string; value: Readonly<Record<string, unknown>> }, known: Known): string {
  const { pid, train } = alarm.value;
  if (typeof pid !== "string" || pid === "") return about(alarm.subject, known);
  const number = typeof train === "string" && train !== "" ? trainIn(train, known.trains) : "";
  return [shortPid(pid), number].filter(Boolean).join(" · ");
}
