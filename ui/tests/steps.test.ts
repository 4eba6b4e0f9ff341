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
