// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import {
  acknowledge,
  alarms,
  forgetAlarms,
  heardBy,
  isAcknowledged,
  loadAnswers,
  muted,
  raise,
  shelved,
  soundBlocked,
  takeAnswer,
  unacknowledged,
} from "../src/state/alarms";
import { groupAlarms } from "../src/logic/rank";
import { syncClock, tickClock } from "../src/state/desk";
import { me } from "../src/state/session";
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

test("what one person made quiet sounds again for the next one on the same page", () => {
  raise(anAlarm({ id: "one" }));
  acknowledge(["one"]);
  forgetAlarms();
  raise(anAlarm({ id: "one" }));
  expect(unacknowledged.value.map((one) => one.id)).toEqual(["one"]);
  expect(sessionStorage.getItem("hubtwin.acknowledged")).toBe("[]");
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

const escalated = (rev: number) =>
  alarmOf({ topic: "task", key: `t-${rev}`, rev, at_min: 5, kind: "TaskEscalated", value: null });
const said = (kind: string, key: string, value: object) =>
  takeAnswer({ topic: "alarm", key, rev: 99, at_min: 7, kind, value });

test("what somebody else has heard is quiet here, and says by whom", () => {
  raise(escalated(9));
  said("AlarmAcknowledged", "9", { seq: 9, by: "wang" });
  expect(unacknowledged.value).toEqual([]);
  expect(heardBy(escalated(9).id)).toMatchObject({ by: "wang", at_min: 7 });
});

test("who may acknowledge for the hub says so to the hub; others are quiet on their own page", () => {
  const asked = vi.fn((_path: string, _how: RequestInit) =>
    Promise.resolve(new Response(JSON.stringify({ now_min: 7, heard: [], shelved: [] }))),
  );
  vi.stubGlobal("fetch", asked);
  me.value = { may: ["task.read:epidemic"] } as never;
  raise(escalated(11));
  acknowledge([escalated(11).id]);
  expect(asked).not.toHaveBeenCalled();
  forgetAlarms();
  me.value = { may: ["alarm.acknowledge"] } as never;
  raise(escalated(12));
  acknowledge([escalated(12).id]);
  expect(asked.mock.calls.map(([path, how]) => [path, how.body])).toEqual([
    ["/api/v1/alarms/acknowledge", '{"seqs":[12]}'],
  ]);
});

test("a shelved kind is quiet until its time is over; other kinds sound", () => {
  const base = 27_770_000;
  syncClock((base + 10) * 60_000, 0);
  tickClock();
  said("AlarmShelved", "TaskEscalated", { kind: "TaskEscalated", by: "wang", reason: "r", until_min: base + 30 });
  raise(escalated(13));
  raise(alarmOf({ topic: "task", key: "h", rev: 14, at_min: 5, kind: "HelpAsked", value: null }));
  expect(unacknowledged.value.map((one) => one.kind)).toEqual(["HelpAsked"]);
  raise(alarmOf({ topic: "task", key: "h", rev: 15, at_min: 6, kind: "TaskEscalated", value: { kind: "help" } }));
  expect(unacknowledged.value.map((one) => one.id)).toEqual(["task/h#14", "task/h#15"]);
  acknowledge(["task/h#15"]);
  expect(shelved.value.map((one) => one.until_min)).toEqual([base + 30]);
  syncClock((base + 31) * 60_000, 0);
  tickClock();
  expect(unacknowledged.value.map((one) => one.kind).sort()).toEqual(["HelpAsked", "TaskEscalated"]);
});

test("an alarm sounds until it is acknowledged; where the browser wants a gesture first, the first one starts it", async () => {
  let state = "suspended";
  const tones: number[] = [];
  class Sound {
    currentTime = 0;
    destination = {};
    get state() {
      return state;
    }
    resume() {
      state = "running";
      return Promise.resolve();
    }
    createOscillator() {
      const node = { frequency: { value: 0 }, connect: () => node, start: (at: number) => tones.push(at), stop() {} };
      return node;
    }
    createGain() {
      const gain = { setValueAtTime() {}, linearRampToValueAtTime() {} };
      const node = { gain, connect: () => node };
      return node;
    }
  }
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", Sound);
  raise(escalated(15));
  expect([soundBlocked.value, tones.length]).toEqual([true, 0]);
  document.dispatchEvent(new Event("pointerdown"));
  await vi.advanceTimersByTimeAsync(6_100);
  expect(soundBlocked.value).toBe(false);
  const heard = tones.length;
  expect(heard).toBeGreaterThan(3);
  acknowledge([escalated(15).id]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tones.length).toBe(heard);
  vi.useRealTimers();
});

test("a flood is one line a cause, what endangers people first", () => {
  const groups = groupAlarms([escalated(1), escalated(2), anAlarm({ kind: "HelpAsked", at_min: 1 }), escalated(3)]);
  expect(groups.map((one) => [one.cause, one.alarms.length])).toEqual([
    ["HelpAsked", 1],
    ["TaskEscalated", 3],
  ]);
});

test("an alert that a person has called extreme sounds although its kind is shelved", () => {
  const base = 27_770_000;
  syncClock((base + 10) * 60_000, 0);
  tickClock();
  const alert = (rev: number, severity: string) =>
    alarmOf({ topic: "alert", key: `a${rev}`, rev, at_min: 6, kind: "AlertRaised", value: { severity } });
  said("AlarmShelved", "AlertRaised", { kind: "AlertRaised", by: "wang", reason: "r", until_min: base + 30 });
  raise(alert(21, "Severe"));
  raise(alert(22, "Extreme"));
  expect(unacknowledged.value.map((one) => one.value["severity"])).toEqual(["Extreme"]);
});

test("silence is for what stood: the next alarm sounds", () => {
  raise(escalated(31));
  muted.value = true;
  raise(escalated(31));
  expect(muted.value).toBe(true);
  raise(escalated(32));
  expect(muted.value).toBe(false);
});

test("an acknowledgement that did not get through is said again until the hub knows it", async () => {
  vi.useFakeTimers();
  me.value = { may: ["alarm.acknowledge"] } as never;
  let isUp = false;
  const told: string[] = [];
  vi.stubGlobal("fetch", (_: string, how: RequestInit) => {
    told.push(String(how.body));
    const reply = { now_min: 7, heard: [{ seq: 41, by: "wang", at_min: 7 }], shelved: [] };
    return isUp ? Promise.resolve(new Response(JSON.stringify(reply))) : Promise.reject(new Error("no line"));
  });
  raise(escalated(41));
  acknowledge([escalated(41).id]);
  await vi.advanceTimersByTimeAsync(6_000);
  isUp = true;
  await vi.advanceTimersByTimeAsync(20_000);
  vi.useRealTimers();
  expect(told).toEqual(['{"seqs":[41]}', '{"seqs":[41]}', '{"seqs":[41]}']);
});

test("silence ends with the session: the next one on the same page hears alarms", () => {
  muted.value = true;
  forgetAlarms();
  expect(muted.value).toBe(false);
});

test("a list of shelves that was on its way does not put back one that was ended meanwhile, nor does an older list", async () => {
  const base = 27_770_000;
  syncClock((base + 10) * 60_000, 0);
  tickClock();
  const shelf = { kind: "TaskEscalated", by: "wang", reason: "r", since_min: base, until_min: base + 60 };
  const answers: ((shelves: object[]) => void)[] = [];
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise((resolve) =>
        answers.push((kept) => resolve(new Response(JSON.stringify({ now_min: base, heard: [], shelved: kept })))),
      ),
  );
  const asked = loadAnswers();
  said("AlarmShelved", "TaskEscalated", { ...shelf, until_min: base });
  answers[0]!([shelf]);
  await asked;
  expect(shelved.value).toEqual([]);
  const [first, second] = [loadAnswers(), loadAnswers()];
  answers[2]!([]);
  await second;
  answers[1]!([shelf]);
  await first;
  expect(shelved.value).toEqual([]);
  const third = loadAnswers();
  answers[3]!([shelf]);
  await third;
  expect(shelved.value).toHaveLength(1);
  const last = loadAnswers();
  forgetAlarms();
  answers[4]!([shelf]);
  await last;
  expect(shelved.value).toEqual([]);
});
