import { expect, test } from "vitest";
import { grouped, plain, sides } from "../src/logic/library_contract";

test("what a contract changes is told as columns, grades, rules and terms, and nothing is left out", () => {
  const changes = [
    { where: "retain_days", before: 365, after: 90 },
    { where: "columns.phone.grade", before: 2, after: 3 },
    { where: "columns.note", before: null, after: { name: "note", type: "string" } },
    { where: "columns.old", before: { name: "old" }, after: null },
    { where: "columns", before: ["a", "b"], after: ["b", "a"] },
    { where: "checks.order.holds", before: "a < b", after: "a <= b" },
    { where: "contract", before: undefined, after: "1.0.0" },
  ];
  const found = grouped(changes);
  expect(found.map(([group, lines]) => [group, lines.length])).toEqual([
    ["columns", 3],
    ["grades", 1],
    ["rules", 1],
    ["terms", 2],
  ]);
  const of = Object.fromEntries(found);
  expect(of["columns"]?.map((one) => [one.name, one.what])).toEqual([
    ["note", "added"],
    ["old", "gone"],
    ["", "changed"],
  ]);
  expect(of["grades"]?.[0]).toMatchObject({ name: "phone", before: 2, after: 3, what: "changed" });
  expect(of["terms"]?.map((one) => [one.part, one.what])).toEqual([
    ["retain_days", "changed"],
    ["contract", "added"],
  ]);
  expect(grouped([])).toEqual([]);
});

test("a value is shown in the language of the reader", () => {
  expect(plain({ zh: "电话", en: "phone" }, "zh")).toBe("电话");
  expect(plain(["a", "b"], "en")).toBe("a, b");
  expect(plain(null, "en")).toBe("–");
  expect(plain({ name: "x", reason: { zh: "因", en: "why" }, mask: "" }, "en")).toBe("name: x, reason: why");
  expect(plain(false, "en")).toBe("false");
});

test("a change that does not show in the reader's language is shown in the other", () => {
  expect(sides({ zh: "甲", en: "old" }, { zh: "甲", en: "new" }, "zh")).toEqual(["old", "new"]);
  expect(sides({ zh: "甲", en: "old" }, { zh: "乙", en: "new" }, "zh")).toEqual(["甲", "乙"]);
});
