import { describe, expect, test } from "vitest";
import { LiveFeed, SILENT_MS, type LiveSource } from "../src/api/live";

class FakeSource implements LiveSource {
  readyState = 1;
  closed = false;
  private listeners = new Map<string, (event: MessageEvent<string>) => void>();
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }
  close(): void {
    this.closed = true;
  }
  say(type: string, data: unknown, lastEventId = ""): void {
    this.listeners.get(type)!({ data: JSON.stringify(data), lastEventId } as MessageEvent<string>);
  }
}

function listen() {
  const sources: FakeSource[] = [];
  const told: unknown[] = [];
  const opened: string[] = [];
  let [wallMs, steadyMs] = [0, 0];
  const feed = new LiveFeed(
    (lastId) => {
      opened.push(lastId);
      const source = new FakeSource();
      sources.push(source);
      return source;
    },
    {
      snapshot: (data) => told.push(["snapshot", data]),
      delta: (data) => told.push(["delta", data]),
      alarm: (data) => told.push(["alarm", data]),
      heartbeat: () => told.push(["heartbeat"]),
      silent: (silent, since) => told.push([silent ? "silent" : "heard", since]),
    },
    () => ({ wallMs, steadyMs }),
  );
  feed.start();
  return { feed, sources, told, opened, at: (wall: number, steady = wall) => ([wallMs, steadyMs] = [wall, steady]) };
}

describe("the live feed", () => {
  test("hands on what it hears", () => {
    const { sources, told } = listen();
    sources[0]!.say("snapshot", { rev: 4 });
    sources[0]!.say("delta", { changes: [] });
    sources[0]!.say("alarm", { kind: "LoopDiffers" });
    expect(told).toEqual([
      ["snapshot", { rev: 4 }],
      ["delta", { changes: [] }],
      ["alarm", { kind: "LoopDiffers" }],
    ]);
  });
  test("says once that it is silent after five seconds, and once that it is heard again", () => {
    const { feed, sources, told, at } = listen();
    at(SILENT_MS);
    feed.watch();
    expect(told).toEqual([]);
    at(SILENT_MS + 1);
    feed.watch();
    feed.watch();
    at(9_000);
    sources[0]!.say("heartbeat", {});
    expect(told).toEqual([["silent", 0], ["heard", 9_000], ["heartbeat"]]);
  });
  test("is silent though changes and alarms come: only a heartbeat says that nothing is missing", () => {
    const { feed, sources, told, at } = listen();
    for (const ms of [2_000, 4_000, 6_000]) {
      at(ms);
      sources[0]!.say("delta", { changes: [] });
      sources[0]!.say("alarm", {});
      feed.watch();
    }
    expect(told.at(-1)).toEqual(["silent", 0]);
  });
  test("is silent by the clock that went on: the other was set back, or slept", () => {
    for (const [wall, steady] of [
      [-3_600_000, SILENT_MS + 1],
      [SILENT_MS + 1, 1],
    ] as const) {
      const { feed, told, at } = listen();
      at(wall, steady);
      feed.watch();
      expect(told).toEqual([["silent", 0]]);
    }
  });
  test("opens anew a line that is dead at the other end only", () => {
    const { feed, sources, at } = listen();
    at(14_000);
    feed.watch();
    expect(sources).toHaveLength(1);
    for (const ms of [15_001, 16_000, 30_000, 30_002]) {
      at(ms);
      feed.watch();
    }
    expect(sources).toHaveLength(3);
    expect(sources[0]!.closed).toBe(true);
  });
  test("goes on where it was when it is opened anew", () => {
    const { feed, sources, opened, at } = listen();
    sources[0]!.say("snapshot", {}, "4.0.1.7");
    sources[0]!.say("alarm", {});
    sources[0]!.readyState = 2;
    at(2_000);
    feed.watch();
    expect(opened).toEqual(["", "4.0.1.7"]);
  });
  test("opens a source that gave up anew, not more than every two seconds", () => {
    const { feed, sources, at } = listen();
    sources[0]!.readyState = 2;
    feed.watch();
    expect(sources).toHaveLength(2);
    sources[1]!.readyState = 2;
    at(1_000);
    feed.watch();
    expect(sources).toHaveLength(2);
    at(2_000);
    feed.watch();
    expect(sources).toHaveLength(3);
    expect(sources[1]!.closed).toBe(true);
  });
});
