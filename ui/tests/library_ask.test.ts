import { describe, expect, test } from "vitest";
import type { MineView } from "../src/api/library";
import { addressOf, fileName, purposesOf, pythonOf, starter } from "../src/logic/library_ask";

const share = (some: Partial<MineView> = {}): MineView =>
  ({
    dataset: "residents",
    purpose: "care",
    purpose_title: { zh: "照护", en: "care" },
    columns: [{ name: "name" }, { name: "order" }, { name: "Age band" }],
    count_floor: null,
    ...some,
  }) as MineView;

describe("a first query", () => {
  test("names the granted columns, quoted where they need it, and is bounded", () => {
    expect(starter(share())).toBe('SELECT name, order, "Age band"\nFROM residents\nLIMIT 100');
    expect(starter(share({ columns: [{ name: 'a"b' }] as MineView["columns"] }))).toContain('"a""b"');
  });
  test("has the counts where only counts leave", () => {
    expect(starter(share({ count_floor: 10 }))).toContain("_count");
  });
});

test("an address and Python carry the purpose, and no password", () => {
  expect(addressOf("http://hub", "residents", "care & more")).toBe(
    "http://hub/api/v1/library/data/residents?purpose=care%20%26%20more",
  );
  const python = pythonOf("http://hub", 'o"x', share());
  expect(python).toContain('"user": "o\\"x"');
  expect(python).toContain("getpass.getpass()");
  expect(python).toContain('"purpose": "care"');
});

test("purposes stand once each; a file has the name that the reply gives it, and never a path", () => {
  expect(purposesOf([share(), share(), share({ purpose: "plan" })]).map((one) => one.id)).toEqual(["care", "plan"]);
  expect(fileName('attachment; filename="answer-synthetic.csv"', "x.csv")).toBe("answer-synthetic.csv");
  expect(fileName('attachment; filename="../x"', "x.csv")).toBe("x.csv");
  expect(fileName(null, "x.csv")).toBe("x.csv");
});
