// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pictured, startLive, stopLive } from "../src/state/live";

class Feed {
  static last: Feed | null = null;
  readyState = 1;
  private listeners = new Map<string, (event: unknown) => void>();
  constructor() {
    Feed.last = this;
  }
  addEventListener(type: string, act: (event: unknown) => void): void {
    this.listeners.set(type, act);
  }
  close(): void {}
  say(type: string, data: unknown): void {
    this.listeners.get(type)!({ data: JSON.stringify(data), lastEventId: "" });
  }
}

const nothing = { hub: null, emergency: null, trains: null, positions: null, board: null, alarms: [], things: null };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Feed);
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
});
afterEach(() => {
  stopLive();
  vi.useRealTimers();
});

test("what the first picture does not bring is asked for after it, or when it stays away", async () => {
  const told: string[] = [];
  startLive();
  void pictured().then(() => told.push("picture"));
  await vi.advanceTimersByTimeAsync(100);
  expect(told).toEqual([]);
  Feed.last!.say("snapshot", nothing);
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(["picture"]);
  void pictured().then(() => told.push("there already"));
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(["picture", "there already"]);
  startLive();
  void pictured(3_000).then(() => told.push("without"));
  await vi.advanceTimersByTimeAsync(2_900);
  expect(told).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(200);
  expect(told[2]).toBe("without");
});
