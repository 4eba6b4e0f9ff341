/** What lies around the venue, drawn below it by the base map: roads and water as wide as they are, blocks, greens, names. */

import type { ExpressionSpecification, LayerSpecification } from "maplibre-gl";
import type { Surrounding } from "../api/panorama";
import type { Lang } from "../api/types";
import type { Palette } from "./style";

export const AROUND = "around";
/** From here on the surroundings are drawn: farther away they would be a knot of lines about a mark. */
const FROM_ZOOM = 12.5;
const NAMES_ZOOM = 13.6;
const TILE_PX = 512;
const EQUATOR_M = 40_075_016.686;
/** A zoom at which widths are told; the others follow, twice as wide for each. */
const AT_ZOOM = 16;

type Feature = GeoJSON.Feature<GeoJSON.Geometry, { kind: string; px: number; zh: string; en: string }>;

/** The features as the base map draws them: `px` is the width of a line at `AT_ZOOM`. */
export function aroundOf(told: readonly Surrounding[], latitude: number): GeoJSON.FeatureCollection {
  const pixelM = (EQUATOR_M * Math.cos((latitude * Math.PI) / 180)) / (TILE_PX * 2 ** AT_ZOOM);
  const features = told.map(({ kind, geometry, width_m, name }): Feature => {
    const px = Math.round((10 * (width_m ?? 0)) / pixelM) / 10;
    return {
      type: "Feature",
      geometry: geometry as unknown as GeoJSON.Geometry,
      properties: { kind, px, zh: name?.zh ?? "", en: name?.en ?? "" },
    };
  });
  return { type: "FeatureCollection", features };
}

const scaled = (zoom: number): ExpressionSpecification => ["*", ["get", "px"], 2 ** (zoom - AT_ZOOM)];
const WIDTH: ExpressionSpecification = ["interpolate", ["exponential", 2], ["zoom"], 10, scaled(10), 21, scaled(21)];
const kindIs = (kind: string): ExpressionSpecification => ["==", ["get", "kind"], kind];
const isLine: ExpressionSpecification = ["==", ["geometry-type"], "LineString"];

const area = (kind: string, colour: string): LayerSpecification => ({
  id: `around-${kind}-area`,
  type: "fill",
  source: AROUND,
  minzoom: FROM_ZOOM,
  filter: ["all", kindIs(kind), ["!", isLine]],
  paint: { "fill-color": colour },
});
const line = (kind: string, colour: string): LayerSpecification => ({
  id: `around-${kind}`,
  type: "line",
  source: AROUND,
  minzoom: FROM_ZOOM,
  filter: ["all", kindIs(kind), isLine],
  layout: { "line-cap": "butt", "line-join": "round" },
  paint: { "line-color": colour, "line-width": WIDTH },
});

/** Areas first, then water, roads, rails; what the venue shows is drawn over all of it. */
export function aroundLayers(palette: Palette, lang: Lang, font: string[]): LayerSpecification[] {
  const halo = { "text-halo-color": palette.land, "text-halo-width": 1.2, "text-color": palette.faint };
  const name: ExpressionSpecification = ["get", lang];
  const text = { "text-field": name, "text-font": font, "text-size": 11 };
  return [
    area("block", palette.block),
    area("green", palette.green),
    area("water", palette.water),
    area("rail", palette.road),
    line("water", palette.water),
    line("road", palette.road),
    line("rail", palette.road),
    {
      id: "around-rail-middle",
      type: "line",
      source: AROUND,
      minzoom: FROM_ZOOM,
      filter: ["all", kindIs("rail"), isLine],
      paint: { "line-color": palette.line, "line-width": 1.5, "line-dasharray": [6, 4] },
    },
    {
      id: "around-names",
      type: "symbol",
      source: AROUND,
      minzoom: NAMES_ZOOM,
      filter: isLine,
      layout: { ...text, "symbol-placement": "line", "symbol-spacing": 420, "text-max-angle": 30, "text-padding": 6 },
      paint: halo,
    },
    {
      id: "around-area-names",
      type: "symbol",
      source: AROUND,
      minzoom: 14.6,
      filter: ["!", isLine],
      layout: { ...text, "text-max-width": 7, "text-padding": 6 },
      paint: halo,
    },
  ];
}
