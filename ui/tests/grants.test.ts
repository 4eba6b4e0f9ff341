import { describe, expect, test } from "vitest";
import type { Grant, GrantOptions } from "../src/api/types";
import { askOf, daysParts, emptyGrant, granteesOf, holds, missingOfGrant, sortGrants } from "../src/logic/grants";

const words = { zh: "字", en: "word" };
const OPTIONS: GrantOptions = {
  datasets: [{ dataset: "vault", name: words, columns: [{ column: "name", name: words, grade: 4 }] }],
  purposes: [{ purpose: "trace", name: words }],
  scenes: [
    {
      scene: "epidemic",
      grantee: "scene:epidemic",
      people: [
        { id: "li", name: "Li", unmasks: true },
        { id: "zhou", name: "Zhou", unmasks: false },
      ],
    },
  ],
  emergencies: [
    { emergency_id: "old", scene: "epidemic", disease: "d", begins_min: 0, ends_min: 1, in_force: false },
    { emergency_id: "now", scene: "epidemic", disease: "d", begins_min: 0, ends_min: 9, in_force: true },
  ],
  longest_days: 90,
};
const grant = (some: Partial<Grant>): Grant =>
  ({ grant_id: "g", live: true, from_min: 0, until_min: 100, review_due_min: null, ...some }) as Grant;

describe("the form of a grant", () => {
  test("proposes the event in force and no person, field or purpose", () => {
    const draft = emptyGrant(OPTIONS);
    expect(draft.emergency).toBe("now");
    expect(missingOfGrant(draft)).toEqual(["columns", "grantee", "purposes", "reason", "second"]);
  });
  test("offers the vault to those whose post may unmask, and a table to the scene as well", () => {
    expect(granteesOf(OPTIONS, "epidemic", "vault").map((one) => one.id)).toEqual(["li"]);
    expect(granteesOf(OPTIONS, "epidemic", "stays").map((one) => one.id)).toEqual(["scene:epidemic", "li", "zhou"]);
    expect(granteesOf(OPTIONS, "fire", "vault")).toEqual([]);
  });
  test("asks for days or for a last day, never for both, and names no event where none is chosen", () => {
    const draft = { ...emptyGrant(OPTIONS), columns: ["name"], grantee: "li", reason: " trace G1 ", emergency: "" };
    draft.second = { user: " guard ", password: " as typed " };
    const asked = askOf(draft);
    expect(asked.days).toBe(7);
    expect("until" in asked || "emergency_id" in asked).toBe(false);
    expect(asked.reason).toBe("trace G1");
    expect(asked.second).toEqual({ user: "guard", password: " as typed " });
    const until = askOf({ ...draft, term: "until", until: "2024-05-06", emergency: "now" });
    expect([until.until, until.days, until.emergency_id]).toEqual(["2024-05-06", undefined, "now"]);
  });
  test("misses the last day only where one is to be named", () => {
    const draft = { ...emptyGrant(OPTIONS), term: "until" };
    expect(missingOfGrant(draft)).toContain("term");
    expect(missingOfGrant({ ...draft, until: "2024-05-06" })).not.toContain("term");
  });
});

describe("grants of a page that stays open", () => {
  test("end by the clock, whatever the server said when it was asked", () => {
    expect(holds(grant({}), 100 * 60_000 - 1)).toBe(true);
    expect(holds(grant({}), 100 * 60_000)).toBe(false);
    expect(holds(grant({ live: false }), 0)).toBe(false);
  });
  test("are sorted by what is next: live by end, glasses by deadline, the past newest first", () => {
    const found = sortGrants(
      [
        grant({ grant_id: "late", until_min: 90 }),
        grant({ grant_id: "soon", until_min: 80 }),
        grant({ grant_id: "gone", until_min: 10, from_min: 1, review_due_min: 70 }),
        grant({ grant_id: "newer", until_min: 10, from_min: 5, review_due_min: 60 }),
      ],
      50 * 60_000,
    );
    expect(found.live.map((one) => one.grant_id)).toEqual(["soon", "late"]);
    expect(found.toReview.map((one) => one.grant_id)).toEqual(["newer", "gone"]);
    expect(found.past.map((one) => one.grant_id)).toEqual(["newer", "gone"]);
  });
  test("say days while there are any", () => {
    expect(daysParts(3 * 1440 + 2 * 60 + 5)).toEqual({ days: 3, hours: 2, rest: 5 });
    expect(daysParts(59.9)).toEqual({ days: 0, hours: 0, rest: 59 });
    expect(daysParts(-1)).toEqual({ days: 0, hours: 0, rest: 0 });
  });
});
