import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { mockVenue } from "../dev/venue";
import type { Thing } from "../src/api/panorama";
import type { Source } from "../src/api/types";
import { FIRST_LAYERS, layerOf, readLayers } from "../src/map/catalogue";
import { rangeOf, ROOM_M2, SCALES } from "../src/map/crowd";
import { byName, isStale, layerStates, listState } from "../src/map/fresh";
import { unsensed } from "../src/map/unsensed";

const thing = (some: Partial<Thing>): Thing => ({
  id: "zone:N1",
  kind: "zone",
  at_ms: 0,
  source: "counters",
  place: "N1",
  lon: null,
  lat: null,
  level: "",
  values: {},
  synthetic: true,
  ...some,
});
const source = (name: string, state: Source["state"]): Source => ({ name, state, cadence_s: 60 }) as Source;

describe("level of service", () => {
  test("begins where the one before ends", () => {
    expect(rangeOf("A", "queue").from).toBe(0);
    expect(rangeOf("D", "walkway").from).toBe(rangeOf("C", "walkway").to);
    expect(rangeOf("F", "queue").to).toBeNull();
  });
  test("has in the legend the figures by which the server grades", () => {
    const told = readFileSync("../src/hubtwin/rules/crowding.toml", "utf8");
    for (const scale of SCALES) {
      const part = told.split(/^\[/m).find((one) => one.startsWith(`${scale}]`))!;
      const figures = [...part.matchAll(/least_m2 = ([\d.]+)/g)].map((one) => Number(one[1]));
      expect(ROOM_M2[scale], scale).toEqual(figures);
    }
  });
});

describe("layers", () => {
  test("hold things by kind, supply and vehicles by their mode", () => {
    expect(layerOf(thing({}))).toBe("crowd");
    expect(layerOf(thing({ kind: "vehicle", values: { mode: "coach" } }))).toBe("bus");
    expect(layerOf(thing({ kind: "supply", values: { mode: "garage" } }))).toBe("parking");
    expect(layerOf(thing({ kind: "supply", values: { mode: "airship" } }))).toBeNull();
  });
  test("are kept per person, and what cannot be read counts as nothing kept", () => {
    expect([...readLayers('["crowd", "unheard", "case"]')]).toEqual(["crowd", "case"]);
    expect([...readLayers("[]")]).toEqual([]);
    for (const kept of [null, "{", '"crowd"']) expect([...readLayers(kept)]).toEqual([...FIRST_LAYERS]);
  });
});

describe("how a list stands", () => {
  const feed = (name: string, state: Source["state"], minute: number | null, ...datasets: string[]): Source =>
    ({ name, state, last_read_min: minute, datasets }) as unknown as Source;
  test("by the sources that feed it, the oldest of which says its age", () => {
    const feeds = [
      feed("a", "live", 100, "rail_calls"),
      feed("b", "late", 40, "running_information"),
      feed("c", "failed", 1),
    ];
    const found = listState(3, 9, ["running_information", "rail_calls"], feeds);
    expect(found).toMatchObject({ count: 3, stale: 3, newestMs: 40 * 60_000, state: "late", lost: ["b"] });
    expect(listState(0, null, ["rail_calls"], [feeds[0]!])).toMatchObject({ count: 0, stale: 0, state: "live" });
  });
  test("without one by its newest line; a source that is switched off feeds nothing", () => {
    const off = feed("a", "off", null, "risk_areas");
    expect(listState(2, 77, ["risk_areas"], [off])).toMatchObject({ count: 2, stale: 0, newestMs: 77, state: "live" });
    expect(listState(2, 77, [], [feed("b", "late", 1, "x")])).toMatchObject({ newestMs: 77, state: "live", lost: [] });
  });
});

describe("freshness", () => {
  const sources = byName([source("counters", "live"), source("taxi", "late")]);
  test("is that of the source; a source that is not known is believed for a short time only", () => {
    expect(isStale(thing({ kind: "device", at_ms: 0 }), sources, 9e9)).toBe(false); // told when it changes
    expect(isStale(thing({ at_ms: 0 }), sources, 100_000)).toBe(false);
    expect(isStale(thing({ at_ms: 0 }), sources, 9e9), "one counter of many that fell silent").toBe(true);
    expect(isStale(thing({ source: "taxi", at_ms: 0 }), sources, 0)).toBe(true);
    expect(isStale(thing({ source: "?", at_ms: 0 }), sources, 60_000)).toBe(false);
    expect(isStale(thing({ source: "?", at_ms: 0 }), sources, 600_000)).toBe(true);
  });
  test("a layer tells count, newest, worst state and who is lost", () => {
    const cab = { kind: "vehicle", source: "taxi", values: { mode: "taxi" } };
    const states = layerStates(
      [
        thing({ at_ms: 5 }),
        thing({ id: "zone:N2", at_ms: 9 }),
        thing({ ...cab, at_ms: 3 }),
        thing({ ...cab, id: "b" }),
      ],
      sources,
      10,
    );
    expect(states.crowd).toEqual({ count: 2, stale: 0, newestMs: 9, state: "live", lost: [] });
    expect(states.taxi).toEqual({ count: 2, stale: 2, newestMs: 3, state: "late", lost: ["taxi"] });
    expect(states.bus).toEqual({ count: 0, stale: 0, newestMs: null, state: "none", lost: [] });
  });
});

describe("what is not sensed", () => {
  const units = mockVenue.features;
  const all = units.filter((one) => one.kind === "unit").length; // none of the mock joins levels
  const sources = byName([source("counters", "live"), source("video", "live"), source("lost", "failed")]);
  const camera = (some: Partial<Thing>): Thing =>
    thing({ id: "camera:1", kind: "camera", source: "video", values: { state: "working", covers: "N1" }, ...some });
  test("is every zone where nothing senses", () => {
    expect(unsensed(units, [], sources, 0).size).toBe(all);
  });
  test("is not a zone with a live counter or a working camera", () => {
    expect(unsensed(units, [thing({})], sources, 0).has("N1")).toBe(false);
    expect(unsensed(units, [camera({})], sources, 0).has("N1")).toBe(false);
  });
  test("is a zone whose counter is lost or whose camera is faulty", () => {
    const broken = camera({ values: { state: "faulty", covers: "N1" } });
    expect(unsensed(units, [thing({ source: "lost" }), broken], sources, 0).has("N1")).toBe(true);
  });
});
