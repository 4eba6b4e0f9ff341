// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import type { Case, LiveChange } from "../src/api/types";
import { applyChange } from "../src/state/apply";
import { cases, forgetDesk, load, loading, tell } from "../src/state/desk";
import { me } from "../src/state/session";

const one = (version: number, state = "reported"): Case => ({ case_id: "c1", version, state }) as Case;
const moved = (value: Case): LiveChange => ({ topic: "case", key: "c1", rev: 9, at_min: 0, kind: "CaseMoved", value });
const answers: ((rows: Case[], status?: number) => void)[] = [];

/** Lets a list be asked for, answered when the test says so. */
function answer(at: number, rows: Case[], status = 200): Promise<void> {
  answers[at]!(rows, status);
  return new Promise((resolve) => setTimeout(resolve));
}

const hear = (value: Case): void => tell("cases", () => applyChange(moved(value)));

beforeEach(() => {
  answers.length = 0;
  forgetDesk();
  me.value = { may: ["case.read"], roles: ["scene_officer"] } as unknown as typeof me.value;
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise((resolve) =>
        answers.push((rows, status = 200) => resolve(new Response(JSON.stringify({ cases: rows }), { status }))),
      ),
  );
});

test("what was told while a list was on its way is not taken back by it", async () => {
  const loaded = load("cases");
  hear(one(2));
  await answer(0, [one(1)]);
  await loaded;
  expect(cases.value).toEqual([one(2)]);
  const again = load("cases");
  hear(one(3, "closed"));
  await answer(1, [one(2)]);
  await again;
  expect(cases.value).toEqual([]);
  const newer = load("cases");
  hear(one(4));
  await answer(2, [one(5)]);
  await newer;
  expect(cases.value).toEqual([one(5)]);
});

test("an answer, or a failure, that comes after that of a later question is old", async () => {
  const first = load("cases");
  const second = load("cases");
  await answer(1, [one(7)]);
  await answer(0, [one(1)]);
  await Promise.all([first, second]);
  expect(cases.value).toEqual([one(7)]);
  const third = load("cases");
  const fourth = load("cases");
  await answer(3, [one(8)]);
  await answer(2, [], 403);
  await Promise.all([third, fourth]);
  expect([cases.value, loading.cases.state]).toEqual([[one(8)], "ready"]);
});

test("what one person asked for is not shown to the next", async () => {
  const asked = load("cases");
  forgetDesk();
  await answer(0, [one(1)]);
  await asked;
  expect([cases.value, loading.cases.state]).toEqual([[], "idle"]);
});
