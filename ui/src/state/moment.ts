/** What the page shows as one record, for boards; and what a past picture says in the same form. */

import type { Moment } from "../boards/board";
import type { PastReply } from "../api/past";
import { board, cases, list, loading, sources, tasks } from "./desk";
import { things, thingsRev } from "./things";
import { lagMs, viewMs } from "./view";

/** Depends on everything it names: to be read inside a computed value. */
export function shownMoment(): Moment {
  void thingsRev.value;
  return {
    ms: viewMs.value,
    lagMs: lagMs.value,
    things: things.value.values(),
    sources: loading.sources.state === "ready" ? sources.value : null,
    loop: board.value,
    trains: list.value?.trains ?? null,
    cases: loading.cases.state === "ready" ? cases.value : null,
    tasks: loading.tasks.state === "ready" ? tasks.value : null,
  };
}

export function pastMoment(reply: PastReply): Moment {
  return {
    ms: reply.at_ms,
    things: reply.things,
    sources: reply.sources,
    loop: reply.board,
    trains: reply.trains?.trains ?? null,
    cases: reply.cases,
    tasks: reply.tasks,
  };
}
