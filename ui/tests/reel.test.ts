import { describe, expect, test } from "vitest";
import { Reel, STRETCH_MS } from "../src/logic/reel";
import { advance } from "../src/logic/view";

const at = (...moments: number[]) => moments.map((at_ms, index) => ({ at_ms, index }));

describe("a reel", () => {
  test("hands out what happened once, in order of time; equal moments in the order they were told", () => {
    const reel = new Reel<{ at_ms: number; index: number }>(100);
    expect(reel.add({ from_ms: 100, to_ms: 200, moments: at(150, 120, 120) })).toBe(true);
    expect(reel.take(119)).toEqual([]);
    expect(reel.take(150).map((one) => one.index)).toEqual([1, 2, 0]);
    expect(reel.take(150)).toEqual([]);
  });
  test("leaves out a stretch that does not follow: nothing is told twice and no gap is bridged", () => {
    const reel = new Reel<{ at_ms: number }>(100);
    reel.add({ from_ms: 100, to_ms: 200, moments: at(150) });
    expect(reel.add({ from_ms: 100, to_ms: 200, moments: at(150) })).toBe(false);
    expect(reel.add({ from_ms: 260, to_ms: 300, moments: at(270) })).toBe(false);
    expect(reel.coveredMs).toBe(200);
    expect(reel.take(1000)).toHaveLength(1);
  });
  test("asks for at most ten minutes, from where it ends, never beyond the present", () => {
    const reel = new Reel(0);
    expect(reel.wants(0, 600, 10 * STRETCH_MS)).toEqual({ from_ms: 0, to_ms: STRETCH_MS });
    expect(reel.wants(0, 1, 30_000)).toEqual({ from_ms: 0, to_ms: 30_000 });
    expect(reel.wants(0, 1, 0)).toBeNull();
    reel.add({ from_ms: 0, to_ms: STRETCH_MS, moments: [] });
    expect(reel.wants(0, 1, 10 * STRETCH_MS)).toBeNull();
    expect(reel.wants(0, 600, 10 * STRETCH_MS)).toEqual({ from_ms: STRETCH_MS, to_ms: 2 * STRETCH_MS });
  });
});

describe("the clock of the view", () => {
  test("runs at its speed up to what is known, and never back", () => {
    expect(advance(1000, 200, 60, 1e9)).toBe(13_000);
    expect(advance(1000, 200, 60, 5000)).toBe(5000);
    expect(advance(1000, 200, 60, -Infinity)).toBe(1000);
  });
});
