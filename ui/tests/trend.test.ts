import { expect, test } from "vitest";
import { labelLifts } from "../src/logic/trend";

test("labels of lines that end at the same value stand above one another", () => {
  expect(labelLifts([0, 0, 0], 5, 60, 14)).toEqual([0, 14, 28]);
});

test("what is apart stays where its line ends, and what is unknown takes no room", () => {
  expect(labelLifts([0, null, 5], 5, 60, 14)).toEqual([0, 0, 0]);
  expect(labelLifts([5, 4.9], 5, 60, 14)[1]).toBe(0);
  expect(labelLifts([5, 4.9], 5, 60, 14)[0]).toBeCloseTo(14 - 1.2);
});
