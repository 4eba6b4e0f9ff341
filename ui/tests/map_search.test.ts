import { describe, expect, test } from "vitest";
import { mockVenue } from "../dev/venue";
import type { Thing } from "../src/api/panorama";
import { entriesOf, search } from "../src/map/search";
import { aCase, aTrain } from "./make";

const levels = new Map(mockVenue.levels.map((one) => [one.level_id, one]));
const from = {
  features: mockVenue.features,
  levels,
  trains: [
    aTrain({ train: "G1", subject: "G1 2022-10-20", calls: [] }),
    aTrain({ train: "G13", subject: "G13 2022-10-20", calls: [] }),
  ],
  cases: [aCase({ case_id: "case-1", pid: "abc123456789", train: "K9" })],
  tasks: [],
  teams: [{ team_id: "T01", name: { zh: "一组", en: "team one" }, post: "N1", size: 2 }],
  things: [{ id: "camera:CAM-07", kind: "camera", level: "B1" } as Thing],
};
const found = (typed: string, lang: "zh" | "en" = "en"): string[] =>
  search(entriesOf(from, lang), typed).map((one) => `${one.type} ${one.id}`);

describe("search", () => {
  test("finds by code, by either language, and by part of a name", () => {
    expect(found("N1")[0]).toBe("unit N1");
    expect(found("北一出口")[0]).toBe("unit N1");
    expect(found("exit north")).toEqual(["unit N1", "unit N2", "unit N3"]);
    expect(found("garage p3")).toEqual(["unit GARAGE-P3"]);
  });
  test("the whole word comes before what begins with it", () => {
    expect(found("g1").slice(0, 2)).toEqual(["train G1 2022-10-20", "train G13 2022-10-20"]);
  });
  test("finds cases, teams and cameras", () => {
    expect(found("abc1")).toEqual(["case case-1"]);
    expect(found("一组")).toEqual(["thing staff:T01"]);
    expect(found("cam-07")[0]).toBe("thing camera:CAM-07");
  });
  test("every part must fit; nothing typed finds nothing", () => {
    expect(found("exit garage")).toEqual([]);
    expect(found("  ")).toEqual([]);
  });
  test("titles are in the language of the reader", () => {
    expect(search(entriesOf(from, "zh"), "n1")[0]).toMatchObject({ title: "北一出口", detail: "到达层" });
    expect(search(entriesOf(from, "en"), "n1")[0]).toMatchObject({ title: "Exit North 1", detail: "arrival level" });
  });
});
