import { describe, expect, test } from "vitest";
import { mockVenue, mockWay } from "../dev/venue";
import type { Thing } from "../src/api/panorama";
import { decisionsLost } from "../src/map/decisions";
import { fitLabels, widthOf, type Label } from "../src/map/labelfit";
import { drawn, type Look } from "../src/map/marks";
import { liftsOf } from "../src/map/stack";
import { mergeLegs, nearest, wayLines } from "../src/map/way";

const thing = (id: string, some: Partial<Thing>): Thing =>
  ({
    id,
    kind: "camera",
    at_ms: 0,
    source: "video",
    place: "",
    lon: 120,
    lat: 30,
    level: "B1",
    values: {},
    ...some,
  }) as Thing;
const look = (some: Partial<Look>): Look => ({
  placeOf: (one) =>
    one.lon === null || one.lat === null ? null : { lon: one.lon, lat: one.lat, z: 7, level: one.level },
  isStale: (one) => one.source === "lost",
  level: null,
  cell: 0,
  ...some,
});

describe("marks", () => {
  test("of one look are one batch, with place and front of each", () => {
    const bus = (id: string, lon: number): Thing =>
      thing(id, { kind: "vehicle", lon, level: "", values: { mode: "bus", bearing: 90 } });
    const { batches } = drawn([bus("a", 120), bus("b", 121)], look({}));
    expect(batches).toHaveLength(1);
    expect([...batches[0]!.positions]).toEqual([120, 30, 7, 121, 30, 7]);
    expect([...batches[0]!.angles!]).toEqual([-90, -90]);
    expect(batches[0]!.ids).toEqual(["a", "b"]);
  });
  test("of a lost source and of what is faulty are batches of their own", () => {
    const some = [thing("a", {}), thing("b", { source: "lost" }), thing("c", { values: { state: "faulty" } })];
    expect(drawn(some, look({})).batches.map((one) => one.tone)).toEqual(["plain", "stale", "bad"]);
  });
  test("on other levels are ghosts; in the open they never are", () => {
    const some = [thing("a", {}), thing("b", { level: "L2" }), thing("c", { level: "" })];
    const { batches } = drawn(some, look({ level: "B1" }));
    expect(batches.map((one) => [one.ids.join(), one.ghost])).toEqual([
      ["a,c", false],
      ["b", true],
    ]);
  });
  test("without a place are drawn nowhere", () => {
    expect(drawn([thing("a", { lon: null })], look({})).batches).toEqual([]);
  });
  test("that stand close are counted until the map is near enough", () => {
    const some = [
      thing("a", {}),
      thing("b", { lon: 120.000_01, values: { state: "faulty" } }),
      thing("c", { lon: 121 }),
    ];
    const far = drawn(some, look({ cell: 0.01 }));
    expect(far.clusters).toMatchObject([{ ids: ["a", "b"], bad: 1 }]);
    expect(far.batches.flatMap((one) => one.ids)).toEqual(["c"]);
    expect(drawn(some, look({})).clusters).toEqual([]);
  });
});

describe("names", () => {
  const label = (id: string, lon: number, order: number): Label => ({
    id,
    text: "站台",
    lon,
    lat: 0,
    z: 0,
    size: 12,
    order,
  });
  const screen = {
    width: 200,
    height: 100,
    scaleAt: () => 1,
    project: ([lon, lat]: [number, number, number]) => [lon, 50 - lat],
  };
  test("that would cover another are left out, the more important stays", () => {
    expect(
      fitLabels([label("b", 105, 2), label("a", 100, 1), label("c", 160, 3)], screen).map((one) => one.id),
    ).toEqual(["a", "c"]);
  });
  test("beyond the screen are left out", () => {
    expect(fitLabels([label("a", 500, 1)], screen)).toEqual([]);
  });
  test("of Chinese are as wide as they are high, of Latin about half", () => {
    expect(widthOf("北一", 10)).toBe(20);
    expect(widthOf("ab", 10)).toBeCloseTo(11.6);
  });
});

describe("a way", () => {
  const lifts = liftsOf(mockVenue, true);
  test("climbs between the levels that it joins", () => {
    const lines = wayLines(mockWay("HALL-W", "N1", true)!, lifts);
    expect(lines.map((one) => one.by)).toEqual(["walk", "elevator", "walk"]);
    const [up, link, down] = lines.map((one) => one.path);
    expect(link![0]![2]).toBe(up!.at(-1)![2]);
    expect(link!.at(-1)![2]).toBe(down![0]![2]);
    expect(link![0]![2]).toBeGreaterThan(link!.at(-1)![2]);
  });
  test("in one level is one leg, however many pieces it has", () => {
    const [leg] = mockWay("N1", "N2", false)!.legs;
    const merged = mergeLegs([leg!, leg!, { ...leg!, by: "stairs" }]);
    expect(merged.map((one) => one.by)).toEqual(["walk", "stairs"]);
    expect(merged[0]!.seconds).toBeCloseTo(leg!.seconds * 2);
  });
  test("begins with a free team before a nearer busy one", () => {
    const ordinals = new Map([
      ["B1", -1],
      ["L2", 1],
    ]);
    const team = (id: string, lon: number, level: string, free: boolean) => ({
      id,
      at: [lon, 30] as [number, number],
      level,
      free,
    });
    const order = nearest(
      [team("busy", 120, "B1", false), team("above", 120, "L2", true), team("near", 120.0005, "B1", true)],
      [120, 30],
      "B1",
      ordinals,
    );
    expect(order.map((one) => one.id)).toEqual(["near", "above", "busy"]);
  });
});

describe("lost sources", () => {
  test("name the decisions that rest on them, each once", () => {
    const lanes = { decisions: ["crowd_control", "overflow"] };
    expect(decisionsLost([lanes, { decisions: [] }, { decisions: ["overflow", "verify"] }])).toEqual([
      "crowd_control",
      "overflow",
      "verify",
    ]);
    expect(decisionsLost([])).toEqual([]);
  });
});
