/** The base map: outlines of provinces in the greys of the page. No tiles, no font server; text is drawn locally. */

import type {
  ExpressionSpecification,
  LayerSpecification,
  StyleSpecification,
  SymbolLayerSpecification,
} from "maplibre-gl";
import chinaUrl from "../../../data/cn-map/china.geojson?url";
import prefecturesUrl from "../../../data/cn-map/prefectures.geojson?url";
import type { Lang } from "../api/types";
import { AROUND, aroundLayers } from "./around";
import { PROVINCES } from "./provinces";

export interface Palette {
  sea: string;
  land: string;
  line: string;
  text: string;
  faint: string;
  ink: string;
  red: string;
  orange: string;
  halo: string;
  road: string;
  water: string;
  block: string;
  green: string;
  unit: string;
  unitLine: string;
  stale: string;
  way: string;
  /** Levels of service A to F. */
  crowd: string[];
}

/** The colours that are in force now, from the tokens of the page. */
export function readPalette(): Palette {
  const tokens = getComputedStyle(document.documentElement);
  const token = (name: string): string => tokens.getPropertyValue(name).trim();
  return {
    sea: token("--sea"),
    land: token("--land"),
    line: token("--land-line"),
    text: token("--text"),
    faint: token("--text-3"),
    ink: token("--ink"),
    red: token("--red"),
    orange: token("--orange-fill"),
    halo: token("--surface"),
    road: token("--road"),
    water: token("--water"),
    block: token("--block"),
    green: token("--green"),
    unit: token("--unit"),
    unitLine: token("--unit-line"),
    stale: token("--line-strong"),
    way: token("--way"),
    crowd: [..."abcdef"].map((level) => token(`--los-${level}`)),
  };
}

const FONT = ["Helvetica Neue", "Arial", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "sans-serif"];
/** The same for what is written by the page itself. */
export const FAMILY = FONT.map((name) => (name.includes("-") ? name : `"${name}"`)).join(", ");
const NOTHING = { type: "FeatureCollection" as const, features: [] };

/** From here on cities are told apart; their outlines are fetched when a person comes so near for the first time. */
export const PREFECTURE_ZOOM = 5.2;
export const prefecturesAt = (): string => new URL(prefecturesUrl, location.href).href;

/** The names of cities are Chinese in the source, and not translated here: the English page leaves them out. */
const prefectureNames = (colour: string, halo: Record<string, unknown>): SymbolLayerSpecification => ({
  id: "prefecture-names",
  type: "symbol",
  source: "prefectures",
  minzoom: 6.2,
  maxzoom: 11,
  layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 11, "text-padding": 8 },
  paint: { "text-color": colour, ...halo },
});

export const chinaAt = (): string => new URL(chinaUrl, location.href).href;

/**
 * A style of outlines and labels; `labels` and `marks` are filled later with what moves. Without `land` all is bare
 * ground (`country.ts`).
 */
export function baseStyle(palette: Palette, lang: Lang, land = true): StyleSpecification {
  const english: ExpressionSpecification = [
    "match",
    ["get", "adcode"],
    ...Object.entries(PROVINCES).flat(),
    "",
  ] as unknown as ExpressionSpecification;
  const halo = { "text-halo-color": palette.halo, "text-halo-width": 1.4 };
  return {
    version: 8,
    sources: {
      china: { type: "geojson", data: land ? chinaAt() : NOTHING },
      prefectures: { type: "geojson", data: NOTHING },
      [AROUND]: { type: "geojson", data: NOTHING },
      names: { type: "geojson", data: NOTHING },
      labels: { type: "geojson", data: NOTHING },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": land ? palette.sea : palette.land } },
      { id: "land", type: "fill", source: "china", paint: { "fill-color": palette.land } },
      ...aroundLayers(palette, lang, FONT),
      {
        id: "prefecture-borders",
        type: "line",
        source: "prefectures",
        minzoom: PREFECTURE_ZOOM,
        paint: { "line-color": palette.line, "line-width": 0.8, "line-dasharray": [3, 2] },
      },
      { id: "borders", type: "line", source: "china", paint: { "line-color": palette.line, "line-width": 1 } },
      {
        id: "province-names",
        type: "symbol",
        source: "names",
        maxzoom: 7,
        layout: {
          "text-field": lang === "zh" ? ["get", "name"] : english,
          "text-font": FONT,
          "text-size": 12,
          "text-padding": 6,
        },
        paint: { "text-color": palette.faint, ...halo },
      },
      ...(lang === "zh" ? [prefectureNames(palette.faint, halo)] : []),
      {
        id: "labels",
        type: "symbol",
        source: "labels",
        layout: {
          "text-field": ["get", "text"],
          "text-font": FONT,
          "text-size": ["get", "size"],
          "text-variable-anchor": ["left", "right", "top", "bottom"],
          "text-radial-offset": 0.9,
          "text-justify": "auto",
          "symbol-sort-key": ["get", "order"],
          "text-padding": 3,
          "text-max-width": 30,
        },
        paint: { "text-color": palette.text, ...halo },
      },
    ],
  };
}

/** The shipped style with the tiles of the deployment in place of the shipped land; what this page writes stays. */
export function withTiles(style: StyleSpecification, tiles: string, attribution: string): StyleSpecification {
  const [ground, ...rest] = style.layers;
  return {
    ...style,
    sources: { ...style.sources, own: { type: "raster", tiles: [tiles], tileSize: 256, attribution } },
    layers: [ground!, { id: "own", type: "raster", source: "own" }, ...rest.filter((one) => !isShipped(one))],
  };
}

/** A style of the deployment with what this page writes on it; its own sources and layers stay as they are. */
export function withStyle(own: StyleSpecification, ours: StyleSpecification): StyleSpecification {
  const { labels, names, prefectures } = ours.sources;
  return {
    ...own,
    sources: { ...own.sources, labels: labels!, names: names!, prefectures: prefectures! },
    layers: [...own.layers, ...ours.layers.filter((one) => one.id === "labels")],
  };
}

const SHIPPED = new Set(["land", "borders", "prefecture-borders", "prefecture-names", "province-names"]);
/** Land and surroundings are ours only where the deployment has no tiles of its own: theirs are surveyed. */
const isShipped = (one: LayerSpecification): boolean => SHIPPED.has(one.id) || one.id.startsWith(AROUND);

/** The label points of the provinces, from the map's own properties. */
export async function loadNames(): Promise<GeoJSON.FeatureCollection<GeoJSON.Point>> {
  const map = (await (await fetch(chinaUrl)).json()) as GeoJSON.FeatureCollection;
  return {
    type: "FeatureCollection",
    features: map.features.map((one) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: one.properties?.["centre"] as [number, number] },
      properties: { adcode: one.properties?.["adcode"] as string, name: one.properties?.["name"] as string },
    })),
  };
}
