import { describe, expect, test } from "vitest";
import { mockVenue } from "../dev/venue";
import { fitPoints, lookAt, viewOf } from "../src/map/fit";
import { floorsOf, hullOf } from "../src/map/pieces";
import { liftsOf, type Lonlat, type Point3 } from "../src/map/stack";

const floors = floorsOf(mockVenue);

describe("the first look at a venue", () => {
  for (const [width, height] of [
    [805, 660],
    [1360, 940],
    [3200, 940],
    [390, 380],
  ] as const)
    for (const apart of [true, false])
      test(`shows every level in ${width} by ${height}, ${apart ? "apart" : "as built"}`, () => {
        const lifts = liftsOf(mockVenue, apart);
        const points = floors.flatMap((one) =>
          one.plate.map(([lon, lat]): Point3 => [lon, lat, lifts.get(one.level.level_id)!]),
        );
        const padding = { top: 60, right: 60, bottom: 60, left: 60 };
        const stand = fitPoints(points, { width, height, padding }, 56, -24);
        const seen = points.map((one) => viewOf(stand, { width, height }).project(one));
        const [xs, ys] = [seen.map((one) => one[0]!), seen.map((one) => one[1]!)];
        expect(Math.min(...xs)).toBeGreaterThan(55);
        expect(Math.max(...xs)).toBeLessThan(width - 55);
        expect(Math.min(...ys)).toBeGreaterThan(55);
        expect(Math.max(...ys)).toBeLessThan(height - 55);
        // And no smaller than it must be: it fills the room one way or the other.
        const fills = Math.max(
          (Math.max(...xs) - Math.min(...xs)) / (width - 120),
          (Math.max(...ys) - Math.min(...ys)) / (height - 120),
        );
        expect(fills).toBeGreaterThan(0.9);
      });
});

/** Corners of the second shipped venue: small, so that its lifted level stands near the camera of a wide room. */
const SMALL: Point3[] = [
  [-122.16504, 37.44317, 0],
  [-122.16497, 37.44312, 0],
  [-122.16439, 37.44361, 0],
  [-122.16587, 37.44372, 57.58],
  [-122.16454, 37.44274, 57.58],
  [-122.16351, 37.44302, 57.58],
  [-122.16488, 37.44404, 57.58],
  [-122.16546, 37.44416, 57.58],
];
test.each([
  [1532, 957],
  [1532, 807],
  [2600, 700],
  [764, 896],
])("a small venue fills a room of %i by %i one way, and is in the middle of it the other", (width, height) => {
  const padding = { top: 64, right: 130, bottom: 64, left: 40 };
  const stand = fitPoints(SMALL, { width, height, padding }, 56, -24);
  const seen = SMALL.map((one) => viewOf(stand, { width, height }).project(one));
  const spare = ([0, 1] as const).map((of) => {
    const at = seen.map((one) => one[of]!);
    const [from, to] = of === 0 ? [padding.left, width - padding.right] : [padding.top, height - padding.bottom];
    return [Math.min(...at) - from, to - Math.max(...at)] as const;
  });
  for (const [before, after] of spare) expect(before - after).toBeCloseTo(0, 0);
  expect(Math.min(...spare.flat())).toBeCloseTo(0, 0);
});

test("a look at a place has it in the middle of the picture at the size that was asked for, however high it is lifted", () => {
  const room = { width: 805, height: 660 };
  for (const z of [0, 440, 900])
    for (const [pitch, bearing] of [
      [56, -24],
      [0, 0],
      [70, 130],
    ] as const) {
      const view = viewOf(lookAt([120.21, 30.29, z], 0.4, room.height, pitch, bearing), room);
      const [x, y] = view.project([120.21, 30.29, z]);
      expect(x).toBeCloseTo(room.width / 2, -1);
      expect(y).toBeCloseTo(room.height / 2, -1);
      const east = 40 / (111_320 * Math.cos((30.29 * Math.PI) / 180));
      const across = view.project([
        120.21 + east * Math.cos((bearing * Math.PI) / 180),
        30.29 - (40 * Math.sin((bearing * Math.PI) / 180)) / 111_320,
        z,
      ]);
      expect(Math.hypot(across[0]! - x!, across[1]! - y!)).toBeGreaterThan(85);
      expect(Math.hypot(across[0]! - x!, across[1]! - y!)).toBeLessThan(115);
    }
});

test("the outline around points is closed and holds no inner point", () => {
  const points: Lonlat[] = [
    [0, 0],
    [2, 0],
    [2, 2],
    [0, 2],
    [1, 1],
  ];
  const hull = hullOf(points);
  expect(hull).toHaveLength(5);
  expect(hull[0]).toEqual(hull.at(-1));
  expect(hull).not.toContainEqual([1, 1]);
  expect(hullOf(points.slice(0, 2))).toEqual([]);
});
