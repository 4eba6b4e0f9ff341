import { describe, expect, test } from "vitest";
import type { PreviewReply } from "../src/api/library";
import { doubled, loadOf, progress } from "../src/logic/library_load";
import { numbered, runsOf, searchPath, tallied } from "../src/logic/library_shelf";
import { returnsInOrder } from "../src/logic/library_back";
import { byWorst, cleanPart, percent, slices, worstOf } from "../src/logic/library_colours";
import { lineage } from "../src/logic/library_lineage";
import { maskParts } from "../src/logic/library_masks";
import { sectionsFor, shownOf } from "../src/logic/library_sections";
import { isReadable, itemSteps } from "../src/logic/library_steps";
import { freshness, spanOf } from "../src/logic/library_spans";

describe("nine colours", () => {
  const counts = { 2: 30, 4: 0, 8: 70, 9: 900 };
  test("are cut from the worst to the best, and what has no rows is left out", () => {
    expect(slices(counts).map((one) => [one.colour, one.rows])).toEqual([
      [2, 30],
      [8, 70],
      [9, 900],
    ]);
    expect(slices({})).toEqual([]);
    expect(slices({ 12: 5 })).toEqual([]);
  });
  test("tell what is clean, and never say all while something is wrong", () => {
    expect(cleanPart(slices(counts))).toBeCloseTo(0.97);
    expect(cleanPart([])).toBeNull();
    expect(worstOf(slices(counts))?.colour).toBe(2);
    expect(worstOf(slices({ 8: 1 }))).toBeNull();
    expect(percent(0.99999)).toBe("99.9 %");
    expect(percent(0.00001)).toBe("0.1 %");
    expect(percent(1)).toBe("100 %");
    expect(percent(0)).toBe("0 %");
  });
  test("put datasets in order: the worst colour first, then the most rows of it, without a colour last", () => {
    const list = [{}, { 9: 1 }, { 3: 5 }, { 2: 1, 9: 9 }, { 3: 50 }] as Record<string, number>[];
    expect(byWorst(list, (one) => one)).toEqual([{ 2: 1, 9: 9 }, { 3: 50 }, { 3: 5 }, { 9: 1 }, {}]);
  });
});

describe("parts of the library", () => {
  const street = (action: string): boolean =>
    ["catalogue.read", "basket.apply", "library.query", "addition.send"].includes(action);
  test("are those of the post", () => {
    expect(sectionsFor(street)).toEqual(["home", "basket", "mine", "street"]);
    expect(sectionsFor(() => false)).toEqual([]);
  });
  test("open by their address, and not for others", () => {
    expect(shownOf(undefined, undefined, street)).toBe("home");
    expect(shownOf("", "", street)).toBe("home");
    expect(shownOf("datasets", "residents", street)).toBe("dataset");
    expect(shownOf("datasets", "", street)).toBe("home");
    expect(shownOf("authority", undefined, street)).toBeNull();
    expect(shownOf("nowhere", undefined, street)).toBeNull();
    expect(shownOf("datasets", "residents", () => false)).toBeNull();
  });
});

describe("lengths of time", () => {
  test("change their unit before they read 1000 ms or 60 s", () => {
    expect(spanOf(16.4)).toEqual({ unit: "ms", n: "16" });
    expect(spanOf(999.6)).toEqual({ unit: "second", n: "1" });
    expect(spanOf(4230)).toEqual({ unit: "second", n: "4.2" });
    expect(spanOf(59_800)).toEqual({ unit: "minute", n: "1" });
    expect(spanOf(5 * 60_000)).toEqual({ unit: "minute", n: "5" });
    expect(spanOf(90 * 60_000)).toEqual({ unit: "hour", n: "1.5" });
    expect(spanOf(48 * 3_600_000)).toEqual({ unit: "day", n: "2" });
    expect(spanOf(-5)).toEqual({ unit: "ms", n: "0" });
  });
  test("against a promise: late within two of them, stale beyond, and no promise is no fault", () => {
    expect(freshness(10, 10)).toBe("fresh");
    expect(freshness(11, 10)).toBe("late");
    expect(freshness(21, 10)).toBe("stale");
    expect(freshness(21, null)).toBe("unpromised");
    expect(freshness(null, 10)).toBe("unknown");
  });
});

describe("the way of an item", () => {
  const marks = (state: string): string =>
    itemSteps(state)
      .map((one) => `${one.name}:${one.mark}`)
      .join(" ");
  test("is active only where the server says so", () => {
    for (const state of ["draft", "submitted", "agreed", "approved", "provisioning", "probed", "revoked", "suspended"])
      expect(itemSteps(state).find((one) => one.name === "active")?.mark ?? "absent", state).not.toBe("done");
    expect(itemSteps("active").every((one) => one.mark === "done")).toBe(true);
    expect(["active", "expiring"].every(isReadable)).toBe(true);
    expect(["probed", "approved", "suspended", "expired"].some(isReadable)).toBe(false);
  });
  test("shows the step it stands on, and how it ended", () => {
    expect(marks("agreed")).toBe("agreed:now approved:next provisioning:next probed:next active:next");
    expect(marks("provisioning")).toBe("submitted:done approved:done provisioning:now probed:next active:next");
    expect(marks("refused")).toBe("submitted:done refused:ended");
    expect(marks("revoked")).toBe("submitted:done approved:done revoked:ended");
    expect(marks("expiring")).toContain("expiring:now");
  });
});

describe("lineage", () => {
  test("stands in one order: from where, itself, into what", () => {
    const tree = lineage("people", { people: ["police", "health"], police: ["raw"] }, { people: ["elders"] });
    expect(tree.map((one) => `${one.side} ${one.depth} ${one.name}`)).toEqual([
      "from 1 police",
      "from 2 raw",
      "from 1 health",
      "self 0 people",
      "into 1 elders",
    ]);
  });
  test("ends where it comes round to itself", () => {
    const loop = lineage("a", { a: ["b"], b: ["a"] }, {});
    expect(loop.map((one) => [one.name, one.again])).toEqual([
      ["b", false],
      ["a", true],
      ["a", false],
    ]);
    expect(lineage("a", { a: ["b"], b: ["c"], c: ["d"], d: ["e"], e: ["f"] }, {}, 2)).toHaveLength(3);
  });
});

test("masks are told by their word and figures", () => {
  expect(maskParts("keep_ends_3_4")).toEqual({ word: "keep_ends", a: "3", b: "4" });
  expect(maskParts("bucket_10")).toEqual({ word: "bucket", a: "10", b: "" });
  expect(maskParts("surname")).toEqual({ word: "surname", a: "", b: "" });
  expect(maskParts("keep_last_x").word).toBe("keep_last_x");
});

test("what streets send back stands in the order in which somebody has to act on it", () => {
  const one = (id: string, some: object) => ({
    id,
    answers: false,
    state: "sent",
    overdue: false,
    due_min: 9,
    sent_min: 1,
    ...some,
  });
  const all = [
    one("old", { state: "applied", sent_min: 1 }),
    one("new", { state: "refused", sent_min: 5 }),
    one("theirs", {}),
    one("mine", { answers: true }),
    one("late", { answers: true, overdue: true, due_min: 99 }),
  ] as unknown as Parameters<typeof returnsInOrder>[0];
  expect(returnsInOrder(all).map((each) => (each as unknown as { id: string }).id)).toEqual([
    "late",
    "mine",
    "theirs",
    "new",
    "old",
  ]);
});

describe("quality", () => {
  test("runs add up rule by rule, the oldest first, and one rule stands alone", () => {
    const trend = [
      { ended_min: 20, rule: "a", passed: 9, failed: 1 },
      { ended_min: 10, rule: "a", passed: 8, failed: 2 },
      { ended_min: 20, rule: "b", passed: 5, failed: 5 },
    ];
    expect(runsOf(trend, "")).toEqual([
      { at_min: 10, good: 8, bad: 2 },
      { at_min: 20, good: 14, bad: 6 },
    ]);
    expect(runsOf(trend, "b")).toEqual([{ at_min: 20, good: 5, bad: 5 }]);
  });
  test("counts come by the name of the colour, in any case; what is none counts nothing", () => {
    expect(numbered({ BLACK: 1, green: 2, pink: 3 })).toEqual({ 1: 1, 9: 2 });
    expect(numbered(null)).toEqual({});
    expect(tallied([{ colour: "red", records: 4 }])).toEqual({ 2: 4 });
    expect(searchPath({ q: " 居民 ", library: "" })).toBe("/library/datasets?q=%E5%B1%85%E6%B0%91");
    expect(searchPath({ q: " " })).toBe("/library/datasets");
  });
});

describe("loads", () => {
  const columns = [
    { name: "姓名", target: "person_name" },
    { name: "名字", target: "" },
  ] as PreviewReply["columns"];
  test("keep the guesses that nobody changed, and refuse two columns into one", () => {
    expect(loadOf("u", "residents", { columns }, { 名字: "sex" }, true).mapping).toEqual({
      姓名: "person_name",
      名字: "sex",
    });
    expect(doubled(columns, {})).toEqual([]);
    expect(doubled(columns, { 名字: "person_name" })).toEqual(["person_name"]);
  });
  test("are not told as whole before they are", () => {
    expect(progress(0.999)).toBe("99 %");
    expect(progress(7)).toBe("100 %");
  });
});
