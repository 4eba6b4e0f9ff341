import { fileThen } from "../src/logic/case_then";
import { describe, expect, test } from "vitest";
import moves from "../dev/fixtures/moves.json";
import type { CaseState } from "../src/api/types";
import { groupByLane, laneOf } from "../src/logic/steps";
import { aCase } from "./make";

describe("the columns of the board", () => {
  test("every open state of the table of moves has one", () => {
    const states = new Set(moves.case.flatMap((move) => [move.from, move.to]));
    for (const state of states) {
      if (state === "closed") expect(laneOf("closed")).toBeNull();
      else expect(laneOf(state as CaseState), state).toBeTruthy();
    }
  });
  test("overdue cases stand on top", () => {
    const lanes = groupByLane([
      aCase({ case_id: "later", deadline_min: 50 }),
      aCase({ case_id: "none" }),
      aCase({ case_id: "first", deadline_min: 5 }),
      aCase({ case_id: "over", state: "closed" }),
    ]);
    expect(lanes.report.map((one) => one.case_id)).toEqual(["first", "later", "none"]);
    expect(Object.values(lanes).flat()).toHaveLength(3);
  });
});

describe("a case at an earlier minute", () => {
  const step = (started_min: number | null, finished_min: number | null) =>
    ({
      step: "antigen",
      standing: "done",
      attempt: 1,
      owner: "w",
      started_min,
      finished_min,
      result: "negative",
    }) as never;
  const file = {
    case: aCase({ state: "closed" }),
    timeline: [{ at_min: 10 }, { at_min: 20 }],
    evidence: [{ at_min: 20 }],
    steps: [step(5, 9), step(9, 15), step(15, 20)],
    times: { sensed: 1, warned: 15, dispatched: null, accepted: null, on_site: null, closed: null },
  } as never;
  test("holds what had come until then, and nothing of what was found out later", () => {
    const then = fileThen(file, aCase({ state: "antigen" }), 10 * 60_000)!;
    expect(then.case.state).toBe("antigen");
    expect([then.timeline.length, then.evidence.length]).toEqual([1, 0]);
    expect(then.steps.map((one) => [one.standing, one.finished_min, one.result])).toEqual([
      ["done", 9, "negative"],
      ["now", null, null],
      ["ahead", null, null],
    ]);
    expect(then.times).toMatchObject({ sensed: 1, warned: null });
  });
  test("is not shown where it was not open", () => expect(fileThen(file, null, 0)).toBeNull());
});
