import { describe, expect, test } from "vitest";
import type { BasketLine, DatasetReply, ItemView } from "../src/api/library";
import {
  applyOf,
  byUrgency,
  shorterTerms,
  clocksOf,
  closedBefore,
  type DraftItem,
  draftOf,
  emptyApply,
  missingOf,
  proposed,
} from "../src/logic/library_apply";

import { proposal, unsigned } from "../src/logic/library_templates";

const item = (some: Partial<DraftItem> = {}): DraftItem => ({ ...draftOf("residents", ["name"]), ...some });
const filled = () => ({ ...emptyApply(), purpose: "care", basis: "law" });
const lane = (name: string, open: boolean) => ({ lane: name, open, reasons: [] }) as unknown as ItemView["lanes"][0];
const seen = (some: Partial<ItemView>): ItemView =>
  ({ lane: "owner", lanes: [], decided_by: "", decided_ms: null, active_ms: null, waits_for: "", ...some }) as ItemView;

describe("an application", () => {
  test("proposes columns that are not sensitive, never others", () => {
    const columns = [
      { name: "street", grade: 1 },
      { name: "age_band", grade: 2 },
      { name: "phone", grade: 3 },
      { name: "id_number", grade: 4 },
    ];
    expect(proposed(columns)).toEqual(["street", "age_band"]);
    expect(proposed(columns.slice(2))).toEqual([]);
  });
  test("says what it misses, in the order of the form", () => {
    expect(missingOf(emptyApply(), []).map((one) => one.what)).toEqual(["items", "purpose", "basis"]);
    const rows = [item({ columns: [] }), item({ rows: "values", column: "street", values: " ， " })];
    expect(missingOf(filled(), rows).map((one) => one.what)).toEqual(["columns", "values"]);
    expect(missingOf({ ...filled(), grantee: "scene:epidemic" }, [item()])).toEqual([{ what: "reason" }]);
    expect(missingOf({ ...filled(), delivery: [] }, [item()])).toEqual([{ what: "delivery" }]);
    expect(missingOf(filled(), [item()])).toEqual([]);
  });
  test("means the own street where no rows are said, and never sends an empty filter as all rows", () => {
    const [street, all, some] = applyOf(
      filled(),
      [
        item(),
        item({ rows: "all" }),
        item({ rows: "values", column: "area", values: "330102001， 330102002 330102001" }),
      ],
      "k",
    ).items;
    expect(street?.rows).toBeNull();
    expect(all?.rows).toEqual({ everything: true, column: "", values: [] });
    expect(some?.rows).toEqual({ everything: false, column: "area", values: ["330102001", "330102002"] });
  });
  test("for a scene is the scene's own work", () => {
    expect(applyOf({ ...filled(), grantee: "scene:epidemic" }, [item()], "k").kind).toBe("operational");
    expect(applyOf(filled(), [item()], "k").kind).toBe("sharing");
  });
});

describe("what the lanes say", () => {
  const lanes = [lane("automatic", false), lane("template", false), lane("aggregate", false), lane("owner", true)];
  test("are told up to the one that is taken, and all where none is open", () => {
    expect(closedBefore({ lane: "owner", lanes }).map((one) => one.lane)).toEqual([
      "automatic",
      "template",
      "aggregate",
    ]);
    expect(closedBefore({ lane: "automatic", lanes: [lane("automatic", true), ...lanes] })).toEqual([]);
    expect(closedBefore({ lane: "refused", lanes: lanes.slice(0, 2) })).toHaveLength(2);
  });
});

describe("clocks", () => {
  const basket = { submitted_ms: 1_000 };
  test("of an automatic item are the machine's alone", () => {
    const one = seen({ decided_by: "policy:automatic", decided_ms: 1_010, active_ms: 1_040 });
    expect(clocksOf(basket, one, 9_000)).toEqual({ machine: 40, human: null, running: false });
  });
  test("of an owner's item are apart", () => {
    const one = seen({ decided_by: "owner_1", decided_ms: 61_000, active_ms: 61_050 });
    expect(clocksOf(basket, one, 99_000)).toEqual({ machine: 50, human: 60_000, running: false });
  });
  test("run while people decide, and claim no machine time before it was active", () => {
    expect(clocksOf(basket, seen({ waits_for: "owner" }), 5_000)).toEqual({
      machine: null,
      human: 4_000,
      running: true,
    });
    const approved = seen({ decided_by: "owner_1", decided_ms: 2_000 });
    expect(clocksOf(basket, approved, 9_000)).toEqual({ machine: null, human: 1_000, running: false });
  });
});

test("applications stand in the order in which somebody has to decide", () => {
  const line = (id: string, due: number | null, late: boolean, at: number) =>
    ({ basket_id: id, due_min: due, late, submitted_ms: at }) as BasketLine;
  const list = [
    line("old", null, false, 1),
    line("new", null, false, 2),
    line("soon", 50, false, 3),
    line("over", 60, true, 4),
  ];
  expect(byUrgency(list).map((one) => one.basket_id)).toEqual(["over", "soon", "new", "old"]);
  expect(shorterTerms(90 * 1440)).toEqual([7, 30]);
});

describe("templates", () => {
  const column = (name: string, grade: string, mask = "") => ({ name, grade, mask });
  const one = (name: string, sharing: string, street = "street_code") =>
    ({
      line: { name, sharing },
      street_column: street,
      purposes: [],
      columns: [column("a", "L1"), column("b", "L3", "surname"), column("c", "L3"), column("d", "L4", "hash")],
    }) as unknown as DatasetReply;
  test("never propose L4, nor a sensitive column that has no mask", () => {
    const found = proposal(one("x", "restricted"), ["care"]);
    expect(found.columns).toEqual(["a", "b"]);
    expect(found.masks).toEqual([["b", "surname"]]);
    expect(found.purposes).toEqual(["care"]);
    expect(found.own_street).toBe(true);
  });
  test("are proposed for what is restricted, knows streets and has none yet", () => {
    const all = [one("x", "restricted"), one("y", "restricted"), one("z", "unconditional"), one("n", "restricted", "")];
    const signed = [
      { dataset: "y", live: true },
      { dataset: "x", live: false },
    ];
    expect(unsigned(all, signed).map((each) => each.line.name)).toEqual(["x"]);
  });
});
