// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { acknowledge, alarms, forgetAlarms, isAcknowledged, raise, unacknowledged } from "../src/state/alarms";
import { alarmOf } from "../src/state/live";
import { anAlarm } from "./make";

beforeEach(() => {
  forgetAlarms();
  sessionStorage.clear();
});

test("an alarm stays until it is acknowledged", () => {
  raise(anAlarm({ id: "one" }));
  expect(unacknowledged.value.map((one) => one.id)).toEqual(["one"]);
  acknowledge(["one"]);
  expect(unacknowledged.value).toEqual([]);
  expect(isAcknowledged("one")).toBe(true);
});

test("the same alarm told twice, as after a break, is one alarm and asks for no second word", () => {
  const change = { topic: "task", key: "t-1", rev: 9, at_min: 5, kind: "TaskEscalated", value: { train: "G1" } };
  raise(alarmOf(change));
  raise(alarmOf(change));
  expect(alarms.size).toBe(1);
  acknowledge([alarmOf(change).id]);
  raise(alarmOf(change));
  expect(unacknowledged.value).toEqual([]);
});

test("a later alarm of the same thing asks again", () => {
  const change = { topic: "task", key: "t-2", rev: 9, at_min: 5, kind: "TaskEscalated", value: null };
  raise(alarmOf(change));
  acknowledge([alarmOf(change).id]);
  raise(alarmOf({ ...change, rev: 12 }));
  expect(unacknowledged.value).toHaveLength(1);
});
