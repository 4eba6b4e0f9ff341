import { describe, expect, test } from "vitest";
import { mockVenue } from "../dev/venue";
import { namesOf } from "../src/map/names";
import { floorsOf } from "../src/map/pieces";
import { placeOfAlarm, spotsOf } from "../src/map/spots";
import { liftsOf } from "../src/map/stack";
import { HEIGHT, trendOf, WIDTH } from "../src/parts/chosen/trend";
import { aCase, anAlarm, aTask } from "./make";

describe("a trend", () => {
  const points = (...values: (number | null)[]) => values.map((people, at) => [at * 60_000, { people }] as const);
  test("lies within its field, from its least to its largest value", () => {
    const trend = trendOf(points(10, 30, 20), "people")!;
    expect([trend.low, trend.high]).toEqual([10, 30]);
    for (const [, x, y] of trend.path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)) {
      expect(Number(x)).toBeLessThanOrEqual(WIDTH);
      expect(Number(y)).toBeLessThanOrEqual(HEIGHT);
    }
  });
  test("is broken where nothing was sensed for long, and has no value where none was", () => {
    const told = [
      ...points(1, 2, 3, null),
      [30 * 60_000, { people: 4 }] as const,
      [31 * 60_000, { people: 5 }] as const,
    ];
    expect(trendOf(told, "people")!.path.match(/M/g)).toHaveLength(2);
  });
  test("of one point or of words is none", () => {
    expect(trendOf(points(1), "people")).toBeNull();
    expect(
      trendOf(
        [
          [0, { state: "on" }],
          [1, { state: "off" }],
        ],
        "state",
      ),
    ).toBeNull();
  });
});

describe("names of the map", () => {
  const naming = {
    floors: floorsOf(mockVenue),
    lifts: liftsOf(mockVenue, true),
    chosen: null,
    named: (names: { zh: string; en: string }) => names.en,
  };
  test("are those of all levels and of the places of the chosen one", () => {
    const ids = namesOf({ ...naming, level: "B1" }).map((one) => one.id);
    expect(ids).toContain("level L2");
    expect(ids).toContain("N1");
    expect(ids).not.toContain("P-1");
  });
  test("what is chosen comes first, then levels, then where people are sent", () => {
    const order = new Map(namesOf({ ...naming, level: null, chosen: "HALL-W" }).map((one) => [one.id, one.order]));
    expect(order.get("HALL-W")).toBeLessThan(order.get("level L2")!);
    expect(order.get("P-1")).toBeLessThan(order.get("HALL-E")!);
  });
});

describe("where something is to be done", () => {
  const place = {
    codeOf: (told: string) => (told === "nowhere" ? null : told),
    at: () => ({ lon: 1, lat: 2, z: 3, level: "B1" }),
  };
  const tasks = [aTask({ task_id: "t1", subject: "G1 2022-10-20", place: "N1" })];
  test("an alarm stands where it says, else where its order is", () => {
    expect(placeOfAlarm(anAlarm({ value: { place: "S2" } }), tasks)).toBe("S2");
    expect(placeOfAlarm(anAlarm({ value: { task_id: "t1" } }), tasks)).toBe("N1");
    expect(placeOfAlarm(anAlarm({ subject: "?" }), tasks)).toBe("");
  });
  test("is counted by place; what has none is counted too", () => {
    const work = {
      alarms: [anAlarm({ id: "a", value: { place: "N1" } }), anAlarm({ id: "b", value: { place: "nowhere" } })],
      cases: [
        aCase({ case_id: "c1", train: "G1" }),
        aCase({ case_id: "c2", train: "G1" }),
        aCase({ case_id: "c3", train: "K9" }),
      ],
      tasks,
    };
    const { spots, unplaced } = spotsOf(work, { alarm: true, case: true }, place);
    expect(spots.map((one) => [one.type, one.place, one.ids])).toEqual([
      ["alarm", "N1", ["a"]],
      ["case", "N1", ["c1", "c2"]],
    ]);
    expect(unplaced).toEqual({ alarm: 1, case: 1 });
    expect(spotsOf(work, { alarm: false, case: true }, place).spots).toHaveLength(1);
  });
});
