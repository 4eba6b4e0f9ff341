/** Where alarms, tasks and cases are: at which place of the venue, as far as they tell one. */

import type { Alarm, Case, Task } from "../api/types";
import type { Placed } from "./marks";
import type { Spot } from "./thing_layers";

export interface Work {
  alarms: readonly Alarm[];
  tasks: readonly Task[];
  cases: readonly Case[];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The place that an alarm tells, else that of the task it is about; empty where neither does. */
export function placeOfAlarm(alarm: Alarm, tasks: readonly Task[]): string {
  const told = text(alarm.value["place"]) || text(alarm.value["unit"]);
  if (told !== "") return told;
  const id = text(alarm.value["task_id"]);
  return tasks.find((one) => one.task_id === id || one.subject === alarm.subject)?.place ?? "";
}

/** The places where a case is worked on: those of the open tasks about it or about its train. */
export function placesOfCase(one: Case, tasks: readonly Task[]): string[] {
  const about = tasks.filter(
    (task) => task.subject === one.case_id || (one.train !== null && task.subject.startsWith(`${one.train} `)),
  );
  return [...new Set(about.map((task) => task.place).filter(Boolean))];
}

/** Counts per place; `codeOf` names the place of the venue, or null where it has none. */
export function spotsOf(
  work: Work,
  on: { alarm: boolean; case: boolean },
  place: { codeOf: (told: string) => string | null; at: (code: string) => Placed | null },
): { spots: Spot[]; unplaced: { alarm: number; case: number } } {
  const found = new Map<string, Spot>();
  const unplaced = { alarm: 0, case: 0 };
  const add = (type: Spot["type"], told: string, id: string): void => {
    const code = told === "" ? null : place.codeOf(told);
    const at = code === null ? null : place.at(code);
    if (code === null || at === null) {
      unplaced[type] += 1;
      return;
    }
    const held = found.get(`${type} ${code}`);
    if (held) held.ids.push(id);
    else found.set(`${type} ${code}`, { type, place: code, ids: [id], ...at });
  };
  for (const one of work.alarms) add("alarm", placeOfAlarm(one, work.tasks), one.id);
  for (const one of work.cases) {
    const places = placesOfCase(one, work.tasks);
    if (places.length === 0) unplaced.case += 1;
    for (const told of places) add("case", told, one.case_id);
  }
  return { spots: [...found.values()].filter((one) => on[one.type]), unplaced };
}
