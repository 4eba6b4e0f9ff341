import { describe, expect, test } from "vitest";
import { dayShare, groupMarks, momentOf, shiftDays } from "../src/logic/day";

const SH = "Asia/Shanghai";
const PARIS = "Europe/Paris";
const at = (iso: string): number => Date.parse(iso);

describe("the day of the strip", () => {
  test("leads from a minute of the day to its moment and back", () => {
    const ms = at("2022-10-20T09:05:30+08:00");
    expect(momentOf(ms, 545, SH)).toBe(at("2022-10-20T09:05:00+08:00"));
    expect(momentOf(ms, 0, SH)).toBe(at("2022-10-20T00:00:00+08:00"));
    expect(momentOf(ms, 1439, SH)).toBe(at("2022-10-20T23:59:00+08:00"));
    expect(dayShare(at("2022-10-20T12:00:00+08:00"), SH)).toBe(0.5);
  });
  test("keeps the clock on the wall where the clock is put forward or back", () => {
    const before = at("2024-03-31T01:30:00+01:00");
    expect(momentOf(before, 600, PARIS)).toBe(at("2024-03-31T10:00:00+02:00"));
    const autumn = at("2024-10-27T12:00:00+01:00");
    expect(momentOf(autumn, 0, PARIS)).toBe(at("2024-10-27T00:00:00+02:00"));
    expect(shiftDays(at("2024-03-30T10:00:05+01:00"), 1, PARIS)).toBe(at("2024-03-31T10:00:05+02:00"));
  });
  test("goes a day back and on at the same time of day, over the end of a month", () => {
    const ms = at("2022-11-01T00:10:07+08:00");
    expect(shiftDays(ms, -1, SH)).toBe(at("2022-10-31T00:10:07+08:00"));
    expect(shiftDays(shiftDays(ms, 1, SH), -1, SH)).toBe(ms);
  });
});

describe("marks on the strip", () => {
  const mark = (iso: string, severity: string, kind = "AlertRaised") => ({ at_ms: at(iso), kind, severity });
  test("those within twelve minutes are one, with the worst severity; other days are left out", () => {
    const day = at("2022-10-20T12:00:00+08:00");
    const groups = groupMarks(
      [
        mark("2022-10-20T09:10:00+08:00", "Extreme", "LoopDiffers"),
        mark("2022-10-20T09:01:00+08:00", "Minor"),
        mark("2022-10-20T09:13:00+08:00", ""),
        mark("2022-10-19T09:01:00+08:00", "Minor"),
      ],
      day,
      SH,
    );
    expect(groups.map((one) => [one.count, one.severity, one.kinds])).toEqual([
      [2, "Extreme", ["AlertRaised", "LoopDiffers"]],
      [1, "", ["AlertRaised"]],
    ]);
    expect(groups[0]!.at_ms).toBe(at("2022-10-20T09:01:00+08:00"));
  });
});
