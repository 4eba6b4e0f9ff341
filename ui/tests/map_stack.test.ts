import { describe, expect, test } from "vitest";
import { mockVenue } from "../dev/venue";
import { hatch } from "../src/map/hatch";
import { bottomUp, boxOf, gapOf, liftsOf, metresBetween, middleOf, wallOf, type Lonlat } from "../src/map/stack";

const M = 1 / 111_320;
const square = (side: number, x = 0, y = 0): Lonlat[] =>
  [
    [x, y],
    [x + side, y],
    [x + side, y + side],
    [x, y + side],
    [x, y],
  ].map(([a, b]) => [a! * M, b! * M]);

describe("levels of a venue", () => {
  test("apart, each stands one gap above the next lower, the lowest on the ground", () => {
    const lifts = liftsOf(mockVenue, true);
    const gap = gapOf(mockVenue);
    expect(lifts.get("mock-B3")).toBe(0);
    expect(lifts.get("mock-B2")).toBeCloseTo(gap);
    expect(lifts.get("mock-L2")).toBeCloseTo(4 * gap);
  });
  test("together, they stand as in the building", () => {
    const lifts = liftsOf(mockVenue, false);
    expect(lifts.get("mock-B3")).toBe(0);
    expect(lifts.get("mock-L2")).toBe(36);
  });
  test("of one ordinal stay at one height", () => {
    for (const apart of [true, false]) {
      const lifts = liftsOf(mockVenue, apart);
      expect(lifts.get("mock-G")).toBe(lifts.get("mock-L1"));
    }
  });
  test("are drawn from below", () => {
    expect(bottomUp(mockVenue.levels).map((one) => one.code)).toEqual(["B3", "B2", "B1", "G", "L1", "L2"]);
  });
  test("have walls low enough to look in, and roads nearly none", () => {
    const hall = mockVenue.features.find((one) => one.code === "HALL-W")!;
    const road = mockVenue.features.find((one) => one.code === "DROP-N")!;
    const level = mockVenue.levels.find((one) => one.code === "L2");
    expect(wallOf(level, hall)).toBeGreaterThan(wallOf(level, road));
    expect(wallOf(level, hall)).toBeLessThan(level!.height_m);
  });
});

test("the middle of a polygon is its centroid, of a line its middle point", () => {
  const [lon, lat] = middleOf({ type: "Polygon", coordinates: [square(10)] });
  expect(lon / M).toBeCloseTo(5);
  expect(lat / M).toBeCloseTo(5);
  const line = [
    [0, 0],
    [1, 1],
    [4, 4],
  ];
  expect(middleOf({ type: "LineString", coordinates: line })).toEqual([1, 1]);
});

test("the box of features holds every one, and there is none of nothing", () => {
  const box = boxOf(mockVenue.features)!;
  const [x, y] = metresBetween(box[0], box[1]);
  expect(x).toBeGreaterThan(500);
  expect(y).toBeGreaterThan(600);
  expect(boxOf([])).toBeNull();
});

describe("hatching", () => {
  const length = ([a, b]: [Lonlat, Lonlat]): number => Math.hypot(...metresBetween(a, b));
  test("covers a square with lines of its width", () => {
    const lines = hatch([square(95)], { gapM: 10, angle: 0 });
    expect(lines.length).toBe(10);
    for (const one of lines) expect(length(one)).toBeCloseTo(95, 0);
  });
  test("leaves holes free", () => {
    const full = hatch([square(100)], { gapM: 5, angle: 30 }).reduce((sum, one) => sum + length(one), 0);
    const holed = hatch([square(100), square(50, 25, 25)], { gapM: 5, angle: 30 });
    expect(holed.reduce((sum, one) => sum + length(one), 0) / full).toBeCloseTo(0.75, 1);
  });
  test("has a bound of lines, however large the place", () => {
    expect(hatch([square(10_000)], { gapM: 2, angle: 45 }).length).toBeLessThanOrEqual(61);
    expect(hatch([], { gapM: 2, angle: 45 })).toEqual([]);
  });
});
