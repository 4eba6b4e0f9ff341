import { describe, expect, test } from "vitest";
import { countdown, spanParts } from "../src/logic/countdown";

const at = (minute: number, seconds = 0): number => minute * 60_000 + seconds * 1000;

describe("a countdown rounds towards the worse", () => {
  test("without a deadline there is no clock", () => {
    expect(countdown(null, at(10)).urgency).toBe("none");
    expect(countdown(undefined, at(10)).minutes).toBeNull();
  });
  test("plenty of time is calm", () => {
    expect(countdown(100, at(10))).toMatchObject({ urgency: "calm", minutes: 90, hours: 1, rest: 30 });
  });
  test("less than five minutes is soon", () => {
    expect(countdown(100, at(95))).toMatchObject({ urgency: "calm", minutes: 5 });
    expect(countdown(100, at(95, 1))).toMatchObject({ urgency: "soon", minutes: 4 });
    expect(countdown(100, at(99, 30))).toMatchObject({ urgency: "soon", minutes: 0 });
  });
  test("the deadline itself is not late, a second after it is", () => {
    expect(countdown(100, at(100))).toMatchObject({ urgency: "soon", minutes: 0 });
    expect(countdown(100, at(100, 1))).toMatchObject({ urgency: "late", minutes: -1, rest: 1 });
    expect(countdown(100, at(165, 1))).toMatchObject({ urgency: "late", hours: 1, rest: 6 });
  });
});

test("a span is whole minutes and never negative", () => {
  expect(spanParts(125.4)).toEqual({ hours: 2, rest: 5 });
  expect(spanParts(-3)).toEqual({ hours: 0, rest: 0 });
});
