import { describe, expect, test } from "vitest";
import moves from "../dev/fixtures/moves.json";
import { emptyDraft, EVIDENCE_KINDS, evidenceOf, missingOf } from "../src/logic/evidence";

describe("evidence", () => {
  test("every kind that a move needs has fields of its own", () => {
    for (const kind of new Set(moves.case.flatMap((move) => move.needs))) expect(EVIDENCE_KINDS).toContain(kind);
  });
  test("what is missing is said until a reference is given", () => {
    const draft = emptyDraft(["sample", "review"]);
    expect(missingOf(["sample", "review"], draft)).toEqual(["sample", "review"]);
    draft["sample"]!.ref = "S-1";
    draft["review"]!.ref = "  ";
    expect(missingOf(["sample", "review"], draft)).toEqual(["review"]);
  });
  test("numbers are sent as numbers and nothing empty is sent", () => {
    const draft = emptyDraft(["nucleic"]);
    draft["nucleic"] = { ref: " T-9 ", values: { result: "positive", ct: "24.5", strange: "x" } };
    expect(evidenceOf(["nucleic"], draft)).toEqual([
      { kind: "nucleic", ref: "T-9", values: { result: "positive", ct: 24.5 } },
    ]);
    draft["nucleic"].values = { ct: "" };
    expect(evidenceOf(["nucleic"], draft)[0]!.values).toEqual({});
  });
});
