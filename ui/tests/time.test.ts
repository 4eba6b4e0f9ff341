import { describe, expect, test } from "vitest";
import { clockNear, clockSeconds, clockTime, hubDate, minuteOfDay, readMoment } from "../src/logic/time";

const MOMENT = Date.UTC(2022, 9, 20, 1, 5, 7);

describe("times are shown in the zone of the hub", () => {
  test("whatever the zone of the browser", () => {
    expect(clockTime(MOMENT, "Asia/Shanghai")).toBe("09:05");
    expect(clockSeconds(MOMENT, "Asia/Shanghai")).toBe("09:05:07");
    expect(clockTime(MOMENT, "America/Los_Angeles")).toBe("18:05");
  });
  test("midnight is 00, never 24", () => {
    expect(clockTime(Date.UTC(2022, 9, 19, 16, 0), "Asia/Shanghai")).toBe("00:00");
  });
  test("the date is the hub's date", () => {
    expect(hubDate(Date.UTC(2022, 9, 19, 20), "Asia/Shanghai")).toBe("2022-10-20");
    expect(hubDate(Date.UTC(2022, 9, 20, 3), "America/Los_Angeles")).toBe("2022-10-19");
  });
  test("another day is named", () => {
    expect(clockNear(MOMENT, MOMENT + 3_600_000, "Asia/Shanghai")).toBe("09:05");
    expect(clockNear(MOMENT, MOMENT + 86_400_000, "Asia/Shanghai")).toBe("10-20 09:05");
  });
  test("the minute of the day follows the zone, over a change of the clocks too", () => {
    expect(minuteOfDay(MOMENT, "Asia/Shanghai")).toBe(545);
    expect(minuteOfDay(Date.UTC(2022, 2, 27, 1, 30), "Europe/Berlin")).toBe(210);
  });
});

test("a moment is read from minutes, seconds, milliseconds and ISO 8601", () => {
  const minute = Math.floor(MOMENT / 60_000);
  expect(readMoment(minute)).toBe(minute * 60_000);
  expect(readMoment(MOMENT / 1000)).toBe(MOMENT);
  expect(readMoment(MOMENT)).toBe(MOMENT);
  expect(readMoment("2022-10-20T01:05:07+00:00")).toBe(MOMENT);
});
