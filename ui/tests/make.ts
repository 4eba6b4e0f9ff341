/** Records for tests: whole, with the fields that a test cares about given. */

import type { Alarm, Case, Task, Train } from "../src/api/types";

export function aCase(some: Partial<Case>): Case {
  return {
    case_id: "c",
    scene: "epidemic",
    emergency_id: "e",
    pid: "p",
    train: "G1",
    opened_min: 0,
    state: "found",
    since_min: 0,
    deadline_min: null,
    owner: null,
    outcome: null,
    version: 0,
    synthetic: true,
    ...some,
  };
}

export function aTask(some: Partial<Task>): Task {
  return {
    task_id: "t",
    scene: "epidemic",
    kind: "meet_train",
    subject: "G1 2022-10-20",
    place: "1",
    team: "T01",
    created_min: 0,
    due_min: 100,
    state: "assigned",
    since_min: 0,
    deadline_min: null,
    reason: "",
    version: 0,
    synthetic: true,
    told: {},
    ...some,
  };
}

export function anAlarm(some: Partial<Alarm>): Alarm {
  return { id: "a", kind: "TaskEscalated", subject: "t", at_min: 0, value: {}, ...some };
}

export function aTrain(some: Partial<Train>): Train {
  return {
    key: "k",
    subject: "G1 2022-10-20",
    rank: 1,
    train: "G1",
    expected_min: 100,
    key_train: false,
    ...some,
  } as Train;
}
