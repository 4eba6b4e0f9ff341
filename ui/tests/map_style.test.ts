import { expect, test } from "vitest";
import { baseStyle, withStyle, withTiles, type Palette } from "../src/map/style";

const palette = new Proxy({}, { get: () => "#000" }) as unknown as Palette;
Object.defineProperty(globalThis, "location", { value: { href: "http://hub/" }, configurable: true });
const ours = baseStyle(palette, "zh");

test("tiles of a deployment take the place of the shipped land; what the page writes stays", () => {
  const style = withTiles(ours, "http://tiles/{z}/{x}/{y}.png", "somebody");
  expect(style.layers.map((one) => one.id)).toEqual(["sea", "own", "labels"]);
  expect(style.sources["own"]).toMatchObject({ type: "raster", attribution: "somebody" });
});

test("a style of a deployment keeps its own layers and bears what the page writes", () => {
  const style = withStyle({ version: 8, sources: {}, layers: [{ id: "theirs", type: "background" }] }, ours);
  expect(style.layers.map((one) => one.id)).toEqual(["theirs", "labels"]);
  expect(Object.keys(style.sources)).toEqual(["labels", "names", "prefectures"]);
});
