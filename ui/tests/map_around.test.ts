import { expect, test } from "vitest";
import { aroundLayers, aroundOf } from "../src/map/around";
import type { Surrounding } from "../src/api/panorama";
import type { Palette } from "../src/map/style";

const ROAD: Surrounding = {
  code: "R",
  kind: "road",
  name: { zh: "天城路", en: "Tiancheng Road" },
  geometry: { type: "LineString", coordinates: [] },
  width_m: 32,
  basis: "inferred",
  source: "",
};

test("a road is as wide as it is told: 32 m at the equator are 26.8 pixels at zoom 16", () => {
  const [one] = aroundOf([ROAD], 0).features;
  expect(one!.properties).toMatchObject({ kind: "road", zh: "天城路", en: "Tiancheng Road" });
  expect(one!.properties!["px"]).toBeCloseTo(26.8, 1);
  expect(aroundOf([ROAD], 60).features[0]!.properties!["px"]).toBeCloseTo(53.6, 1);
});

test("an area has no width, and what nobody named no text", () => {
  const [one] = aroundOf([{ ...ROAD, kind: "block", width_m: null, name: null }], 30).features;
  expect(one!.properties).toEqual({ kind: "block", px: 0, zh: "", en: "" });
});

test("areas lie below lines, and names stand in the language of the page", () => {
  const layers = aroundLayers({} as Palette, "en", ["Arial"]);
  expect(layers.map((one) => one.type).join(" ")).toMatch(/^fill( fill)*( line)+( symbol)+$/);
  for (const one of layers)
    if (one.type === "symbol") expect(one.layout).toMatchObject({ "text-field": ["get", "en"] });
});
