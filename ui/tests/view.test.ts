// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError, post } from "../src/api/client";
import "../src/state/guard";
import { areas, cases, nowMs, syncClock, tickClock } from "../src/state/desk";
import { pastAlarms, shownAlarms } from "../src/state/alarms";
import { me } from "../src/state/session";
import { things } from "../src/state/things";
import { forgetView, goLive, isLive, jump, pause, play, viewMode, viewMs, viewProblem } from "../src/state/view";
import { aCase } from "./make";

const NOW = Date.parse("2022-10-20T01:00:00Z");
const THEN = NOW - 3_600_000;
const zone = { id: "zone:a", kind: "zone", source: "s", place: "a", lon: null, lat: null, level: "", synthetic: true };
const thing = (at_ms: number, people: number) => ({ ...zone, at_ms, values: { people } });
const area = (area_code: string, high: number) => ({ type: "Feature", properties: { area_code, high } });
const counties = (): string[] => areas.value!.features.map((one) => one.properties.area_code);
const areaChange = { at_ms: THEN + 12_000, topic: "area", rev: 1, at_min: 1, kind: "Moved", alarm: false };
const caseChange = (at_ms: number, version: number, alarm = false) => ({
  ...{ at_ms, topic: "case", key: "c", rev: version, at_min: at_ms / 60_000, kind: "CaseMoved", alarm },
  value: aCase({ case_id: "c", version, state: version > 1 ? "antigen" : "reported" }),
});
let asked: string[] = [];
let refuse = false;

/** A server that knows one case and one zone: the case moves 10 s after THEN and 20 s after it, the zone fills. */
function server(path: string): unknown {
  const url = new URL(path, "http://hub");
  if (url.pathname.endsWith("/past"))
    return {
      ...{ at_ms: THEN, shown_ms: THEN, next_ms: THEN, replay: true, rev: 1, hub: {}, emergency: null, trains: null },
      ...{ positions: null, board: null, alarms: [], sources: [], tasks: [] },
      areas: { type: "FeatureCollection", now_min: 1, features: [area("330102", 1)] },
      ...{ things: [thing(THEN, 5)], cases: [aCase({ case_id: "c", version: 0 })] },
    };
  const from_ms = Number(url.searchParams.get("from_ms"));
  const to_ms = Number(url.searchParams.get("to_ms"));
  const stands = { ...caseChange(THEN + 11_000, 1), topic: "standing", key: "LoopDiffers balance b", kind: "Shown" };
  const value = { ...caseChange(THEN, 1), topic: "balance", key: "b", kind: "LoopDiffers", value: {} };
  const all = [
    caseChange(THEN + 10_000, 1),
    { ...areaChange, key: "330103", value: area("330103", 2) },
    { ...areaChange, at_ms: THEN + 14_000, key: "330102", value: null },
    { ...stands, value },
    { ...stands, at_ms: THEN + 19_000, value: null },
    caseChange(THEN + 20_000, 2, true),
  ];
  const told = [{ at_ms: THEN + 15_000, things: [thing(THEN + 15_000, 90)], gone: [] }];
  const within = (one: { at_ms: number }): boolean => one.at_ms > from_ms && one.at_ms <= to_ms;
  return { from_ms, to_ms, more: false, changes: all.filter(within), things: told.filter(within) };
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  refuse = false;
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const body = refuse ? { key: "web.absent", message: "Nothing is known of it." } : server(path);
    return Promise.resolve(new Response(JSON.stringify(body), { status: refuse ? 404 : 200 }));
  });
  vi.stubGlobal(
    "EventSource",
    class {
      readyState = 1;
      addEventListener(): void {}
      close(): void {}
    },
  );
  me.value = { user: "w", name: "w", roles: [], scenes: [], team: null, may: [] } as never;
  syncClock(NOW, 0);
  tickClock();
});
afterEach(() => {
  forgetView();
  vi.useRealTimers();
});

describe("the clock of the page", () => {
  test("live shows the hub's minute; a jump shows another one, from the picture of that minute", async () => {
    expect([isLive.value, viewMs.value]).toEqual([true, nowMs.value]);
    await jump(THEN);
    expect([viewMode.value, viewMs.value]).toEqual(["paused", THEN]);
    expect(cases.value.map((one) => one.version)).toEqual([0]);
    expect(things.value.get("zone:a")!.values).toEqual({ people: 5 });
    expect(counties()).toEqual(["330102"]);
  });
  test("runs: what happened is applied when its minute comes, not before, and alarms of then are those shown", async () => {
    await jump(THEN);
    await play(10);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(cases.value[0]!.version).toBe(1);
    expect([...shownAlarms.value.values()].map((one) => one.kind)).toEqual(["LoopDiffers"]);
    expect(things.value.get("zone:a")!.values).toEqual({ people: 5 });
    expect(counties()).toEqual(["330102", "330103"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(cases.value[0]!.state).toBe("antigen");
    expect(things.value.get("zone:a")!.values).toEqual({ people: 90 });
    expect(counties()).toEqual(["330103"]);
    expect([...shownAlarms.value.values()].map((one) => one.kind)).toEqual(["CaseMoved"]);
    expect(viewMs.value).toBeGreaterThan(THEN + 20_000);
    pause();
    const held = viewMs.value;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(viewMs.value).toBe(held);
  });
  test("going live forgets the past and asks for the present again", async () => {
    await jump(THEN);
    pastAlarms.value = new Map([["a", { id: "a", kind: "k", subject: "", at_min: 0, value: {} }]]);
    const back = goLive();
    await vi.advanceTimersByTimeAsync(10_000);
    await back;
    expect([isLive.value, viewMs.value, pastAlarms.value.size]).toEqual([true, nowMs.value, 0]);
  });
  test("a minute that cannot be shown is said, and the page stays with the minute that it shows", async () => {
    await jump(THEN);
    refuse = true;
    await jump(THEN - 60_000);
    expect([viewMs.value, viewProblem.value]).toEqual([THEN, "Nothing is known of it."]);
  });
  test("nothing is written while a past minute is shown, but what concerns no picture", async () => {
    await jump(THEN);
    const before = asked.length;
    await expect(post("/cases/c/moves", {})).rejects.toBeInstanceOf(ApiError);
    expect(asked).toHaveLength(before);
    for (const path of ["/clock", "/help", "/position", "/alarms/acknowledge"]) {
      await post(path, {});
      expect(asked.at(-1)).toContain(path);
    }
    await expect(post("/helping", {})).rejects.toBeInstanceOf(ApiError);
  });
});
