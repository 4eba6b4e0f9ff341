/** What has gone up because a clock of people ran out: where it is found, and what a reader has not seen yet. */

import type { NoticeView } from "../api/library";

/** The page on which a notice is found: the application or the section that it stands in. */
export function placeOf(one: Pick<NoticeView, "place" | "kind" | "id">): string {
  const section = one.kind === "return" && one.place === "owner" ? "street" : one.place;
  const opened = one.kind === "decision" && section !== "quality" ? `/${encodeURIComponent(one.id)}` : "";
  return `/library/${section}${opened}`;
}

/** Those that this reader can end, and has not put aside at the step at which they stand; the others stand on their page. */
export function unseenOf<T extends Pick<NoticeView, "key" | "acts">>(
  all: readonly T[],
  seen: ReadonlySet<string>,
): T[] {
  return all.filter((one) => one.acts && !seen.has(one.key));
}

/** Those that this reader can end stand first, what is late for longest before the rest. */
export function byActs<T extends Pick<NoticeView, "acts">>(all: readonly T[]): T[] {
  return [...all.filter((one) => one.acts), ...all.filter((one) => !one.acts)];
}
