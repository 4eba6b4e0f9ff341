// @vitest-environment happy-dom
import { mount } from "@vue/test-utils";
import { beforeEach, describe, expect, test } from "vitest";
import { BOARDS } from "../src/boards";
import type { BoardSpec, Moment } from "../src/boards/board";
import { fold, isFresh, onTime, sensed } from "../src/boards/data";
import { i18n, loadTexts } from "../src/i18n";
import { texts } from "../src/i18n/texts";
import { firstSteps } from "../src/logic/first_run";
import { tendency, trendMoments } from "../src/logic/trend";
import BoardView from "../src/parts/board/BoardView.vue";
import { loading, sources, syncClock, tickClock } from "../src/state/desk";
import { me } from "../src/state/session";
import { takeThings } from "../src/state/things";
import { aTrain } from "./make";

await Promise.all([loadTexts("zh"), loadTexts("en")]);

const NOW = 1_666_227_600_000;
const source = (state: string) => ({ name: "counters", state, cadence_s: 60 }) as never;
const zone = (id: string, people: number | null, at_ms = NOW) => ({
  ...{ id: `zone:${id}`, kind: "zone", at_ms, source: "counters", place: id, lon: null, lat: null, level: "" },
  ...{ values: { people, los: null }, synthetic: true },
});
const moment = (some: Partial<Moment>): Moment => ({
  ...{ ms: NOW, things: [], sources: [source("live")], loop: null, trains: null, cases: null, tasks: null },
  ...some,
});

describe("figures of a board", () => {
  test("what was not sensed is no data, never 0", () => {
    for (const board of BOARDS)
      for (const figure of board.figures)
        expect(figure.read(moment({ sources: null })).value, `${board.name} ${figure.name}`).toBeNull();
  });
  test("sum what is fresh and say what is silent", () => {
    const things = [zone("a", 30), zone("b", 12), zone("c", 900, NOW - 600_000), zone("d", null)];
    expect(fold(sensed(moment({ things }), "zone"), "people", "sum")).toMatchObject({
      ...{ value: 42, stale: true, atMs: NOW, note: { key: "boards.silent", values: { n: 1, all: 4 } } },
    });
    const late = moment({ things, sources: [source("late")] });
    expect(fold(sensed(late, "zone"), "people", "sum")).toMatchObject({ value: null, stale: true });
  });
  test("a thing is fresh for two cadences of its source", () => {
    expect(isFresh(zone("a", 1, NOW - 170_000), source("live"), NOW)).toBe(true);
    expect(isFresh(zone("a", 1, NOW - 190_000), source("live"), NOW)).toBe(false);
  });
  test("trains are on time up to five minutes late; those that have arrived do not count", () => {
    const min = NOW / 60_000;
    const trains = [
      aTrain({ scheduled_min: min + 10, expected_min: min + 15 }),
      aTrain({ scheduled_min: min + 10, expected_min: min + 16 }),
      aTrain({ scheduled_min: min - 90, expected_min: min - 1 }),
    ];
    expect(onTime(moment({ trains }))).toMatchObject({ value: 50, note: { values: { n: 2 } } });
  });
  test("name texts that exist", () => {
    const has = (key: string): boolean =>
      key.split(".").reduce<unknown>((tree, part) => (tree as Record<string, unknown>)?.[part], texts.zh) !== undefined;
    for (const board of BOARDS) {
      const keys = [board.title, ...board.figures.flatMap((one) => [one.label, one.unit ?? one.label])];
      for (const trend of board.trends) keys.push(trend.label, trend.unit, ...trend.series.map((one) => one.label));
      for (const key of keys) expect(has(key), key).toBe(true);
    }
  });
});

describe("a new hub", () => {
  test("has three steps before it, and none once anything tells of it", () => {
    const steps = firstSteps({ hasVenue: true, telling: 0, sensed: 0 });
    expect(steps.map((one) => [one.name, one.done])).toEqual([
      ["venue", true],
      ["sources", false],
      ["people", false],
    ]);
    expect(firstSteps({ hasVenue: false, telling: 1, sensed: 0 })).toEqual([]);
    expect(firstSteps({ hasVenue: false, telling: 0, sensed: 3 })).toEqual([]);
  });
});

describe("trends", () => {
  test("stand at round moments, none before the past begins", () => {
    expect(trendMoments(125, 30, 20, 4)).toEqual([60, 80, 100, 120]);
    expect(trendMoments(120, 90, 20, 4)).toEqual([100]);
  });
  test("say up or down where it is more than two in a hundred, and nothing without two points", () => {
    const points = (...values: (number | null)[]) => values.map((value, ms) => ({ ms, value }));
    expect(tendency(points(100, 103))).toBe("up");
    expect(tendency(points(100, null, 97))).toBe("down");
    expect(tendency(points(1000, 1010))).toBe("level");
    expect(tendency(points(5))).toBeNull();
  });
});

describe("a board of a later scene, as data alone", () => {
  const INVENTED: BoardSpec = {
    ...{ name: "flood", title: "boards.hub", needs: "hub.read", alerts: () => true, trends: [] },
    figures: [
      {
        ...{ name: "wet", label: "boards.people", unit: "boards.persons", needs: "map.read", decides: true },
        read: (now) => ({ ...fold(sensed(now, "zone"), "people", "max"), bad: true }),
      },
      { name: "dry", label: "boards.taxis", needs: "map.read", read: () => ({ value: null }) },
      { name: "secret", label: "boards.spaces", needs: "grant.read", read: () => ({ value: 7 }) },
    ],
  };
  beforeEach(() => {
    me.value = { user: "w", may: ["map.read", "hub.read"] } as never;
    sources.value = [source("live")];
    loading.sources.state = "ready";
    syncClock(NOW, 0);
    tickClock();
    takeThings([zone("a", 30), zone("b", 1200)]);
    i18n.global.locale.value = "en";
  });
  test("is rendered: a figure that decides, no data where there is none, nothing that this person may not see", () => {
    const page = mount(BoardView, { props: { board: INVENTED }, global: { plugins: [i18n] } });
    const tiles = page.findAll(".figure").map((one) => one.text().replace(/\s+/g, " "));
    expect(tiles).toHaveLength(2);
    expect(tiles[0]).toContain("1,200");
    expect(tiles[1]).toContain("no data");
    expect(page.find(".figure").classes()).toEqual(expect.arrayContaining(["bad", "decides"]));
    page.unmount();
  });
});
