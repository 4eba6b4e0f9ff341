import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Thing } from "../src/api/panorama";
import {
  applyThings,
  flushThings,
  kindRev,
  queueThings,
  takeThings,
  TAKE_MS,
  things,
  thingsRev,
} from "../src/state/things";

export const aThing = (some: Partial<Thing>): Thing => ({
  id: "vehicle:bus:1",
  kind: "vehicle",
  at_ms: 1_000,
  source: "bus",
  place: "",
  lon: 120,
  lat: 30,
  level: "",
  values: {},
  synthetic: true,
  ...some,
});

beforeEach(() => takeThings([]));

describe("what is sensed", () => {
  test("an older state never replaces a newer one", () => {
    takeThings([aThing({ at_ms: 2_000, lon: 121 })]);
    applyThings([aThing({ at_ms: 1_000, lon: 120 })]);
    applyThings([["vehicle:bus:1", 1_500, 119, 30]]);
    expect(things.value.get("vehicle:bus:1")?.lon).toBe(121);
  });
  test("a move changes place and moment and keeps the rest", () => {
    takeThings([aThing({ values: { line: "B1", speed_mps: 3 } })]);
    applyThings([["vehicle:bus:1", 3_000, 120.5, 30.5, { speed_mps: 7 }]]);
    expect(things.value.get("vehicle:bus:1")).toMatchObject({
      at_ms: 3_000,
      lon: 120.5,
      values: { line: "B1", speed_mps: 7 },
    });
  });
  test("a move of what is not known is left out", () => {
    applyThings([["vehicle:bus:9", 3_000, 120.5, 30.5]]);
    expect(things.value.size).toBe(0);
  });
  test("only kinds that changed are marked", () => {
    takeThings([aThing({}), aThing({ id: "zone:A", kind: "zone" })]);
    const before = kindRev("zone");
    applyThings([["vehicle:bus:1", 3_000, 120.5, 30.5]]);
    expect(kindRev("zone")).toBe(before);
    expect(kindRev("vehicle")).toBe(thingsRev.value);
  });
  test("what is gone is gone, and marks its kind", () => {
    takeThings([aThing({})]);
    applyThings([], ["vehicle:bus:1", "never seen"]);
    expect(things.value.size).toBe(0);
    expect(kindRev("vehicle")).toBe(thingsRev.value);
  });
  test("a snapshot replaces everything, also what waits", () => {
    queueThings([aThing({ id: "vehicle:bus:2" })]);
    takeThings([aThing({})]);
    flushThings();
    expect([...things.value.keys()]).toEqual(["vehicle:bus:1"]);
  });
});

describe("what the feed tells", () => {
  test("is taken together after a while, the last state of each", () => {
    vi.useFakeTimers();
    const before = thingsRev.value;
    queueThings([aThing({})]);
    queueThings([["vehicle:bus:1", 2_000, 120.1, 30, { speed_mps: 1 }]]);
    queueThings([["vehicle:bus:1", 3_000, 120.2, 30, { bearing: 9 }]]);
    expect(thingsRev.value).toBe(before);
    vi.advanceTimersByTime(TAKE_MS);
    vi.useRealTimers();
    expect(thingsRev.value).toBe(before + 1);
    expect(things.value.get("vehicle:bus:1")).toMatchObject({
      at_ms: 3_000,
      lon: 120.2,
      values: { speed_mps: 1, bearing: 9 },
    });
  });
  test("comes back after it was gone", () => {
    takeThings([aThing({})]);
    queueThings([], ["vehicle:bus:1"]);
    queueThings([aThing({ at_ms: 2_000, lon: 122 })]);
    flushThings();
    expect(things.value.get("vehicle:bus:1")?.lon).toBe(122);
  });
});
