import { describe, expect, test } from "vitest";
import type { Train } from "../src/api/types";
import { leastOf } from "../src/logic/persons";

const TOLD: Train["persons"] = {
  rung: "hits",
  concerned: 4,
  booked: null,
  boarded: null,
  to_board: null,
  hits: 4,
  exposed: null,
  hits_least: null,
};

describe("persons concerned", () => {
  test("are a range where the railway told one, and a number elsewhere", () => {
    expect(leastOf({ ...TOLD, hits_least: 1 })).toBe(1);
    expect(leastOf(TOLD)).toBeNull();
    expect(leastOf({ ...TOLD, rung: "manifest", concerned: 2, exposed: 2, hits_least: 1 })).toBeNull();
  });
});
