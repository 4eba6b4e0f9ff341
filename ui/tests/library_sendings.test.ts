import { describe, expect, test } from "vitest";
import { applyOf, draftOf, emptyApply, missingOf } from "../src/logic/library_apply";
import { isOff, sendingCounts, sendingNumber, sendingState, untaken } from "../src/logic/library_sendings";

const none = {
  ready: 0,
  sent: 0,
  accepted: 0,
  refused: 0,
  held: 0,
  superseded: 0,
  messages: 2,
  arrived: 2,
  reason: "",
};

describe("a sending", () => {
  test("is on its way until every message was receipted, then waits for the answer", () => {
    expect(sendingState({ ...none, ready: 3, messages: 0, arrived: 0 })).toBe("ready");
    expect(sendingState({ ...none, sent: 3, arrived: 1 })).toBe("way");
    expect(sendingState({ ...none, sent: 3 })).toBe("waits");
    expect(sendingState({ ...none, accepted: 3 })).toBe("done");
  });
  test("with rows that were not taken is never told as done, whatever else is true of it", () => {
    expect(sendingState({ ...none, accepted: 2, refused: 1 })).toBe("part");
    expect(sendingState({ ...none, sent: 5, held: 1, arrived: 0 })).toBe("part");
    expect(untaken({ ...none, refused: 2, held: 1 })).toBe(3);
    expect(sendingState({ ...none, refused: 3, reason: "unknown template" })).toBe("refused");
    expect([isOff("part"), isOff("refused"), isOff("done"), isOff("way")]).toEqual([true, true, false, false]);
  });
  test("whose rows are all said by a correction is replaced, one that the partner has partly is done", () => {
    expect(sendingState({ ...none, superseded: 2 })).toBe("instead");
    expect(sendingState({ ...none, superseded: 1, accepted: 2 })).toBe("done");
  });
  test("is called by its day and number", () => {
    expect(sendingNumber("communities.6704917e69aa8ad872679252ee3466fc-20261127-0001")).toBe("20261127-0001");
    expect(sendingNumber("other")).toBe("other");
  });
  test("tells only counts that are not nothing", () => {
    expect(sendingCounts({ ...none, accepted: 2, sent: 1 })).toEqual([
      ["accepted", 2],
      ["sent", 1],
    ]);
  });
});

describe("what a partner is given", () => {
  const draft = { ...emptyApply(), purpose: "care", basis: "law", grantee: "partner:city" };
  test("leaves through its channel and no other way, whatever was ticked before", () => {
    expect(applyOf({ ...draft, delivery: ["query", "file"] }, [draftOf("x", ["a"])], "k").delivery).toEqual([
      "channel",
    ]);
    expect(missingOf({ ...draft, delivery: [] }, [draftOf("x", ["a"])])).toEqual([]);
    expect(applyOf(draft, [draftOf("x", ["a"])], "k").kind).toBe("sharing");
  });
  test("is never the channel for somebody else", () => {
    const own = { ...draft, grantee: "", delivery: ["query", "channel"] };
    expect(applyOf(own, [draftOf("x", ["a"])], "k").delivery).toEqual(["query"]);
    expect(missingOf({ ...own, delivery: ["channel"] }, [draftOf("x", ["a"])])).toEqual([{ what: "delivery" }]);
  });
});
