import { expect, test } from "vitest";
import type { Thing } from "../src/api/panorama";
import { firstOf } from "../src/map/first";
import type { Floor } from "../src/map/pieces";
import type { Palette } from "../src/map/style";

const RING: [number, number][] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 0],
];
const floor = (code: string): Floor =>
  ({
    level: { code, level_id: code },
    pieces: [{ feature: { code: `Z${code}` }, rings: [RING], wall: 4 }],
    plate: RING,
  }) as unknown as Floor;
const scene = {
  floors: [floor("B1"), floor("F2")],
  lifts: new Map([
    ["B1", 0],
    ["F2", 200],
  ]),
  level: null as string | null,
  palette: { unit: "#eee", crowd: ["a", "b", "c", "d", "e", "f"] } as unknown as Palette,
  zones: new Map([["ZF2", { values: { los: "F" } } as unknown as Thing]]),
  isStale: () => false,
  on: new Set(["crowd"]) as never,
};
const told = (of: Partial<typeof scene> = {}) => firstOf({ ...scene, ...of }).features.map((one) => one.properties);

test("the first picture has the levels at their heights, and how full a zone is", () => {
  expect(told()).toEqual([
    { kind: "plate", base: 0, top: 0.2, colour: "#eee" },
    { kind: "unit", base: 0, top: 4, colour: "#eee" },
    { kind: "plate", base: 200, top: 200.2, colour: "#eee" },
    { kind: "unit", base: 200, top: 204, colour: "f" },
  ]);
});

test("it shows the chosen level only, and colours nothing that is old or switched off", () => {
  expect(told({ level: "B1" })).toHaveLength(2);
  expect(told({ isStale: () => true }).some((one) => one!["colour"] === "f")).toBe(false);
  expect(told({ on: new Set() as never }).some((one) => one!["colour"] === "f")).toBe(false);
});
