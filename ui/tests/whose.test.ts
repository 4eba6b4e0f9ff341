// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Me } from "../src/api/types";
import { flush, queue, submit } from "../src/field/outbox";
import { loadRange, range } from "../src/state/range";
import { syncClock, tickClock } from "../src/state/desk";
import { me } from "../src/state/session";
import { fetchTrends, pointsOf } from "../src/state/trends";
import type { BoardSpec } from "../src/boards/board";

const person = (user: string): Me => ({ user, name: user, roles: [], scenes: [], team: "T01", may: [] }) as never;
const MARKS = { first_ms: 0, last_ms: 1, marks: [{ at_ms: 1, kind: "KeyTrain", subject: "G7", severity: "" }] };
const PICTURE = { things: [], alarms: [], sources: [], cases: [], tasks: [], board: null, trains: null };
const BOARD = { name: "b", trends: [{ name: "t", series: [{ name: "s", read: () => 7 }] }] } as unknown as BoardSpec;
const ANSWERS = {
  "/past/range": MARKS,
  "/past?": PICTURE,
  "/phone": { secret: btoa("s".repeat(32)) },
  "/checks": { task: { task_id: "t1" } },
};
let signedIn = "qian";
let heard: string[] = [];
let hold: Promise<void> | null = null;

beforeEach(() => {
  signedIn = "qian";
  heard = [];
  hold = null;
  vi.stubGlobal("fetch", async (path: string, { method }: { method: string }) => {
    heard.push(`${method} ${path.replace("/api/v1", "")}`);
    const told = Object.entries(ANSWERS).find(([part]) => path.includes(part))?.[1] ?? person(signedIn);
    await hold;
    return new Response(JSON.stringify(told), { status: 200 });
  });
  me.value = person("qian");
});
afterEach(() => {
  me.value = null;
  vi.unstubAllGlobals();
});

test("what one person did never goes out in the name of who signed in since, in another window", async () => {
  signedIn = "zhao";
  await submit({ kind: "tick", task: "t1", plain: { item: "there", done: true } });
  await flush();
  await vi.waitFor(() => expect(me.value?.user).toBe("zhao"));
  expect(heard.filter((one) => one.startsWith("POST"))).toEqual([]);
  expect(queue.value).toEqual([]);
  signedIn = "qian";
  me.value = person("qian");
  await flush();
  expect(heard.filter((one) => one.startsWith("POST"))).toEqual(["POST /tasks/t1/checks"]);
});

/** How many points of the trend are known beside the newest. */
const known = (): number => pointsOf(BOARD, BOARD.trends[0]!, BOARD.trends[0]!.series[0]!).filter(read).length - 1;
const read = (one: { value: number | null }): boolean => one.value !== null;

test("marks and trends that one person was shown are not kept for the next, not even when they come late", async () => {
  await loadRange();
  expect(range.value?.marks).toHaveLength(1);
  syncClock(2 * 3_600_000 + 1, 0);
  tickClock();
  await fetchTrends([BOARD]);
  expect(known()).toBe(12);
  me.value = person("zhao");
  expect(range.value).toBeNull();
  await loadRange();
  expect(known()).toBe(0);
  let go = (): void => undefined;
  hold = new Promise((done) => (go = done));
  const late = [loadRange(), fetchTrends([BOARD])];
  me.value = person("wu");
  go();
  await Promise.all(late);
  expect(range.value).toBeNull();
  hold = null;
  await loadRange();
  expect(known()).toBe(0);
});
