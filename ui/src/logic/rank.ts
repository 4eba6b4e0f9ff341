/** In which order trains, alerts and tasks are read. */

import type { Alarm, Case, Task, Train } from "../api/types";
import { countdown } from "./countdown";

/** The server's order; trains that have arrived sink to the end, so that the next one to meet is on top. */
export function rankTrains(trains: Iterable<Train>, nowMs: number): Train[] {
  const past = (train: Train): number => (train.expected_min * 60_000 < nowMs - 60_000 ? 1 : 0);
  return [...trains].sort((a, b) => past(a) - past(b) || a.rank - b.rank || (a.subject < b.subject ? -1 : 1));
}

export interface NowItem {
  kind: "alarm" | "case" | "task";
  id: string;
  deadline_min: number | null;
  alarm?: Alarm;
  case?: Case;
  task?: Task;
}

const OPEN_TASKS = new Set<Task["state"]>(["assigned", "declined", "escalated", "accepted", "on_post"]);

/** What these sound about has a row of its own, with its clock and its page. */
const ABOUT_ITEMS = new Set(["CaseEscalated", "TaskEscalated"]);

export const isOpenTask = (task: Task): boolean => OPEN_TASKS.has(task.state);

/** Alarms, the newest first, then what has a clock by time left. Tasks that run as ordered are left out until they are
 * late or soon. An alarm about a case or an order that stands in the list itself is not said a second time. */
export function rankNow(
  alarms: Iterable<Alarm>,
  cases: Iterable<Case>,
  tasks: Iterable<Task>,
  nowMs: number,
): NowItem[] {
  const items: NowItem[] = [];
  for (const one of cases)
    if (one.state !== "closed")
      items.push({ kind: "case", id: one.case_id, deadline_min: one.deadline_min, case: one });
  for (const task of tasks) {
    if (!isOpenTask(task)) continue;
    const calm = countdown(task.deadline_min, nowMs).urgency === "calm";
    if (calm && task.state !== "declined" && task.state !== "escalated") continue;
    items.push({ kind: "task", id: task.task_id, deadline_min: task.deadline_min, task });
  }
  const told = new Set(items.map((item) => item.case?.case_id ?? item.task?.subject));
  for (const alarm of alarms)
    if (!ABOUT_ITEMS.has(alarm.kind) || !told.has(alarm.subject))
      items.push({ kind: "alarm", id: alarm.id, deadline_min: null, alarm });
  const weight = (item: NowItem): number => (item.kind === "alarm" ? 0 : 1);
  return items.sort(
    (a, b) =>
      weight(a) - weight(b) ||
      compare(b.alarm?.at_min ?? 0, a.alarm?.at_min ?? 0) ||
      compare(a.deadline_min ?? Infinity, b.deadline_min ?? Infinity) ||
      (a.id < b.id ? -1 : 1),
  );
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

export interface AlarmGroup {
  cause: string;
  alarms: Alarm[];
  newest_min: number;
}

/** What endangers people comes before what is late, and that before what is only odd; within that the newest. */
const CONSEQUENCE = ["HelpAsked", "SceneFailed", "AlertRaised", "OverflowProposed", "CaseEscalated", "TaskEscalated"];
const consequence = (kind: string): number => {
  const at = CONSEQUENCE.indexOf(kind);
  return at < 0 ? CONSEQUENCE.length : at;
};

/** Groups alarms by cause, the worst consequence first. */
export function groupAlarms(alarms: Iterable<Alarm>): AlarmGroup[] {
  const groups = new Map<string, AlarmGroup>();
  for (const alarm of alarms) {
    const group = groups.get(alarm.kind) ?? { cause: alarm.kind, alarms: [], newest_min: 0 };
    group.alarms.push(alarm);
    group.newest_min = Math.max(group.newest_min, alarm.at_min);
    groups.set(alarm.kind, group);
  }
  return [...groups.values()].sort(
    (a, b) => consequence(a.cause) - consequence(b.cause) || b.newest_min - a.newest_min,
  );
}
