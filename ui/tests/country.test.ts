import type { Map as BaseMap } from "maplibre-gl";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Country } from "../src/map/country";
import type { Palette } from "../src/map/style";

const told: [string, unknown][] = [];
let idle: (() => void) | null = null;
let zoom = 4;
const layers = new Set(["land", "sea"]);

/** A map that says what it was given. */
const map = {
  getSource: (name: string) => ({ setData: (data: unknown) => void told.push([name, data]) }),
  getLayer: (name: string) => (layers.has(name) ? {} : undefined),
  getZoom: () => zoom,
  once: (_: string, act: () => void) => void (idle = act),
  setPaintProperty: (layer: string, _: string, value: unknown) => void told.push([layer, value]),
} as unknown as BaseMap;
const given = (name: string): unknown[] => told.filter(([one]) => one === name).map(([, data]) => data);
const palette = (): Palette => ({ sea: "#123" }) as Palette;
const outlines = { features: [{ properties: { adcode: "330000", name: "浙江", centre: [120, 29] } }] };

beforeEach(() => {
  told.length = 0;
  idle = null;
  zoom = 4;
  vi.stubGlobal("location", { href: "http://hub.example/" });
  vi.stubGlobal("fetch", () => Promise.resolve({ json: () => Promise.resolve(outlines) }));
});

describe("the country around the hub", () => {
  test("is not asked for while the hub is looked at", () => {
    const country = new Country();
    expect(country.beginsWithLand(false)).toBe(false);
    country.begin(map, false, palette);
    expect(told).toEqual([]);
    expect(country.isThere).toBe(false);
  });

  test("comes once after the hub, and the sea when its land is drawn", () => {
    const country = new Country();
    country.beginsWithLand(false);
    country.land(map, palette);
    country.land(map, palette);
    expect(given("china")).toHaveLength(1);
    expect(given("sea")).toEqual([]);
    idle!();
    expect(given("sea")).toEqual(["#123"]);
    expect(country.beginsWithLand(false)).toBe(true);
    country.begin(map, false, palette);
    expect(given("china")).toHaveLength(1);
  });

  test("comes with the style where that is later than the hub was waited for", () => {
    const country = new Country();
    country.beginsWithLand(false);
    layers.clear();
    country.land(map, palette);
    expect(given("china")).toEqual([]);
    layers.add("land").add("sea");
    country.begin(map, false, palette);
    expect(given("china")).toHaveLength(1);
  });

  test("has its names from afar, its cities from nearer, and both again in a new style", async () => {
    const country = new Country();
    country.show(map, true);
    await vi.waitFor(() => expect(given("names")).toHaveLength(1));
    expect(given("prefectures")).toEqual([]);
    zoom = 6;
    country.show(map, true);
    country.show(map, true);
    expect(given("prefectures")).toHaveLength(1);
    country.begin(map, true, palette);
    expect(given("names")).toHaveLength(2);
    expect(given("prefectures")).toHaveLength(2);
  });
});
