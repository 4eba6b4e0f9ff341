import { describe, expect, test } from "vitest";
import { groupAlarms, rankNow, rankTrains } from "../src/logic/rank";
import { aCase, anAlarm, aTask, aTrain } from "./make";

describe("trains", () => {
  test("keep the order of the server", () => {
    const trains = [aTrain({ subject: "b", rank: 2 }), aTrain({ subject: "a", rank: 1 })];
    expect(rankTrains(trains, 0).map((one) => one.subject)).toEqual(["a", "b"]);
  });
  test("that arrived more than a minute ago sink", () => {
    const trains = [aTrain({ subject: "gone", rank: 1, expected_min: 10 }), aTrain({ subject: "next", rank: 2 })];
    expect(rankTrains(trains, 11 * 60_000 + 1).map((one) => one.subject)).toEqual(["next", "gone"]);
    expect(rankTrains(trains, 11 * 60_000).map((one) => one.subject)).toEqual(["gone", "next"]);
  });
});

describe("what is to be done now", () => {
  const now = 100 * 60_000;
  test("alarms come first, then what has least time left", () => {
    const items = rankNow(
      [anAlarm({ id: "x" })],
      [aCase({ case_id: "late", deadline_min: 90 }), aCase({ case_id: "soon", deadline_min: 103 })],
      [aTask({ task_id: "t", deadline_min: 101 })],
      now,
    );
    expect(items.map((one) => one.id)).toEqual(["x", "late", "t", "soon"]);
  });
  test("the newest alarm comes first", () => {
    const alarms = [anAlarm({ id: "old", at_min: 1 }), anAlarm({ id: "new", at_min: 9 })];
    expect(rankNow(alarms, [], [], now).map((one) => one.id)).toEqual(["new", "old"]);
  });
  test("a late case or order is not said a second time by its alarm, whatever else sounds is", () => {
    const cases = [aCase({ case_id: "late", deadline_min: 90 })];
    const tasks = [aTask({ task_id: "order", subject: "G7", state: "escalated" })];
    const alarms = [
      anAlarm({ id: "1", kind: "CaseEscalated", subject: "late" }),
      anAlarm({ id: "2", kind: "TaskEscalated", subject: "G7" }),
      anAlarm({ id: "3", kind: "CaseEscalated", subject: "not in the list" }),
      anAlarm({ id: "4", kind: "AlertRaised", subject: "G7" }),
    ];
    expect(rankNow(alarms, cases, tasks, now).map((one) => one.id)).toEqual(["3", "4", "late", "order"]);
  });
  test("what has no clock comes last and keeps its place", () => {
    const cases = [aCase({ case_id: "b" }), aCase({ case_id: "a" }), aCase({ case_id: "c", deadline_min: 900 })];
    expect(rankNow([], cases, [], now).map((one) => one.id)).toEqual(["c", "a", "b"]);
  });
  test("orders that run as given are not shown, declined and escalated ones are", () => {
    const tasks = [
      aTask({ task_id: "calm", state: "accepted", deadline_min: 200 }),
      aTask({ task_id: "declined", state: "declined", deadline_min: 200 }),
      aTask({ task_id: "done", state: "done" }),
    ];
    expect(rankNow([], [], tasks, now).map((one) => one.id)).toEqual(["declined"]);
  });
  test("closed cases are not shown", () => {
    expect(rankNow([], [aCase({ state: "closed" })], [], now)).toEqual([]);
  });
});

test("a flood of alarms is one line per cause, the newest cause first", () => {
  const alarms = [
    anAlarm({ id: "1", kind: "AlertRaised", at_min: 1 }),
    anAlarm({ id: "2", kind: "TaskEscalated", at_min: 2 }),
    anAlarm({ id: "3", kind: "AlertRaised", at_min: 3 }),
  ];
  expect(groupAlarms(alarms).map((one) => [one.cause, one.alarms.length])).toEqual([
    ["AlertRaised", 2],
    ["TaskEscalated", 1],
  ]);
});
