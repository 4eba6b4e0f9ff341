import { describe, expect, test } from "vitest";
import { HubClock } from "../src/logic/clock";

describe("the clock of the page", () => {
  test("goes on at the speed of the replay", () => {
    const clock = new HubClock();
    clock.sync(1_000_000, 0, 60);
    expect(clock.read(1_000)).toBe(1_060_000);
  });
  test("does not step back for a late heartbeat", () => {
    const clock = new HubClock();
    clock.sync(1_000_000, 0, 1);
    clock.sync(1_001_500, 2_000, 1);
    expect(clock.read(2_000)).toBe(1_002_000);
  });
  test("follows a real jump back, as when a replay starts again", () => {
    const clock = new HubClock();
    clock.sync(9_000_000, 0, 1);
    clock.sync(1_000_000, 1_000, 1);
    expect(clock.read(1_000)).toBe(1_000_000);
  });
});
