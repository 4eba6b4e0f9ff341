import { describe, expect, it } from "vitest";
import type { Source } from "../src/api/types";
import { countLate, rankSources } from "../src/logic/sources";

const WORDS = { zh: "数据源", en: "source" };

function source(name: string, state: Source["state"]): Source {
  return {
    ...{ name, state, title: WORDS, cadence_s: 60, last_read_min: 1, last_row_min: 1, rows: 1 },
    ...{
      error_key: null,
      error: null,
      until_min: state === "maintenance" ? 9 : null,
      contact: null,
      datasets: [],
      decisions: [],
    },
  };
}

describe("sources", () => {
  const all = [
    source("a", "off"),
    source("b", "live"),
    source("c", "maintenance"),
    source("d", "late"),
    source("e", "failed"),
  ];

  it("stand in the order in which a person must look at them", () => {
    expect(rankSources(all).map((one) => one.name)).toEqual(["e", "d", "c", "b", "a"]);
  });

  it("are not late while their announced maintenance lasts", () => {
    expect(countLate(all)).toBe(2);
  });
});
