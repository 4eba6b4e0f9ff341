import { describe, expect, test } from "vitest";
import type { BasketView, LookUpsReply, ShareView } from "../src/api/library";
import { draftOf } from "../src/logic/library_apply";
import { emptyUrgent, lackingOf, lookedUp, outcomeOf, takenBy, urgentOf } from "../src/logic/library_urgent";

const filled = { ...emptyUrgent(), purpose: "rescue", basis: "law", reason: " flood " };
const all = { ...draftOf("residents", ["name"]), rows: "all" as const };

describe("an emergency access", () => {
  test("says what it lacks: which rows must be said, and why it cannot wait", () => {
    expect(lackingOf(emptyUrgent(), []).map((one) => one.what)).toEqual(["datasets", "purpose", "basis", "reason"]);
    expect(lackingOf(filled, [draftOf("residents", ["name"])])).toEqual([{ what: "values", dataset: "residents" }]);
    const some = { ...all, rows: "values" as const, column: "street_code", values: " ，" };
    expect(lackingOf(filled, [some, { ...all, columns: [] }]).map((one) => one.what)).toEqual(["values", "columns"]);
    expect(lackingOf(filled, [{ ...some, values: "330102001" }])).toEqual([]);
    expect(lackingOf({ ...filled, reason: " x " }, [all])).toEqual([{ what: "reason" }]);
  });
  test("asks for minutes, rows as they were said, and never for counts", () => {
    const asked = urgentOf({ ...filled, hours: 24 }, [{ ...all, countsOnly: true }], "k");
    expect([asked.minutes, asked.reason]).toEqual([1440, "flood"]);
    expect(asked.items).toEqual([
      {
        dataset: "residents",
        columns: ["name"],
        rows: { everything: true, column: "", values: [] },
        counts_only: false,
      },
    ]);
  });
  test("counts as given only what can be read", () => {
    const items = [{ state: "active" }, { state: "provisioning" }, { state: "refused" }] as BasketView["items"];
    expect(outcomeOf({ items })).toEqual({ given: 1, not: 2 });
  });
});

test("what somebody took is told alone, what ends first at the head", () => {
  const share = (grantee: string, live: boolean, until_min: number, lane = "emergency") =>
    ({ grantee, live, until_min, lane }) as ShareView;
  const shares = [
    share("user:wang", false, 5),
    share("user:wang", true, 90),
    share("user:li", true, 1),
    share("user:wang", true, 60),
    share("user:wang", false, 9),
    share("user:wang", true, 2, "owner"),
  ];
  expect(takenBy("wang", shares).map((one) => one.until_min)).toEqual([60, 90, 9, 5]);
});

test("what was looked up counts answers, and says where there may be more", () => {
  const lookups = [
    { rows: 3, why: null },
    { rows: 0, why: { zh: "否", en: "no" } },
    { rows: 4, why: null },
  ] as LookUpsReply["lookups"];
  expect(lookedUp({ lookups, next: 7 })).toEqual({ times: 2, rows: 7, more: true });
  expect(lookedUp({ lookups: [], next: null })).toEqual({ times: 0, rows: 0, more: false });
});
