/** Puts a change into what the pages hold: the same way for what happens now and for what is played back. */

import type { AreaFeature, Board, Case, EmergencyReply, LiveChange, Position, Source, Task } from "../api/types";
import { isOpenTask } from "../logic/rank";
import { areas, bring, cases, positions, put, sources, tasks, touched, type Topic } from "./desk";

/** The list that a change of a topic is put into. */
export const LISTS: Partial<Record<string, Topic>> = {
  case: "cases",
  task: "tasks",
  position: "positions",
  source: "sources",
  area: "areas",
  emergency: "emergency",
  board: "board",
};

export function applyChange({ topic, key, rev, value }: LiveChange): void {
  if (topic === "case") {
    const one = value as Case | null;
    if (one && one.state !== "closed") put(cases, one, (held) => held.case_id === key);
    else cases.value = cases.value.filter((held) => held.case_id !== key);
    touched.value = { id: key, rev };
  } else if (topic === "task") {
    const one = value as Task | null;
    if (one && isOpenTask(one)) put(tasks, one, (held) => held.task_id === key);
    else tasks.value = tasks.value.filter((held) => held.task_id !== key);
  } else if (topic === "position") {
    const others = positions.value.filter((held) => held.subject !== key);
    positions.value = value ? [...others, value as Position] : others;
  } else if (topic === "source") {
    const others = sources.value.filter((held) => held.name !== key);
    sources.value = value ? [...others, value as Source] : others;
  } else if (topic === "area" && areas.value) {
    const others = areas.value.features.filter((held) => held.properties.area_code !== key);
    areas.value = { ...areas.value, features: value ? [...others, value as AreaFeature] : others };
  } else if (topic === "emergency" && value) {
    bring("emergency", value as EmergencyReply);
  } else if (topic === "board" && value) {
    bring("board", value as Board);
  }
}
