/** The first picture of the hub: its levels and how full they are, drawn by the base map until the overlay has come. */

import type { GeoJSONSource, Map as BaseMap } from "maplibre-gl";
import { gradeOf, LEVELS_OF_SERVICE } from "./crowd";
import type { Panorama } from "./painter";

const SOURCE = "first";
const LAYERS = { plate: 0.43, unit: 0.5 } as const;
/** A plate has no height; what has none is not drawn by the base map. */
const PLATE_M = 0.2;
const LONG_MS = 3_000;

type Told = Pick<Panorama, "floors" | "lifts" | "level" | "palette" | "zones" | "isStale" | "on">;

/** Plates and places of the levels that are looked at, with the height of their floor and of their top. */
export function firstOf(scene: Told): GeoJSON.FeatureCollection {
  const { floors, lifts, level, palette, zones, isStale } = scene;
  const crowd = scene.on.has("crowd");
  const features: GeoJSON.Feature[] = [];
  const add = (kind: keyof typeof LAYERS, rings: number[][][], base: number, height: number, colour: string): void => {
    const geometry: GeoJSON.Polygon = { type: "Polygon", coordinates: rings };
    features.push({ type: "Feature", geometry, properties: { kind, base, top: base + height, colour } });
  };
  for (const floor of floors) {
    if (level !== null && level !== floor.level.code) continue;
    const z = lifts.get(floor.level.level_id) ?? 0;
    if (floor.plate.length > 0) add("plate", [floor.plate], z, PLATE_M, palette.unit);
    for (const { feature, rings, wall } of floor.pieces) {
      const zone = crowd ? zones.get(feature.code) : undefined;
      const grade = zone && !isStale(zone) ? gradeOf(zone) : null;
      const colour = grade === null ? palette.unit : palette.crowd[LEVELS_OF_SERVICE.indexOf(grade)]!;
      add("unit", rings, z, wall, colour);
    }
  }
  return { type: "FeatureCollection", features };
}

export function showFirst(map: BaseMap, scene: Told & Pick<Panorama, "near">): void {
  if (!scene.near || !map.getSource("labels")) return; // before the style is there nothing can be added
  const data = firstOf(scene);
  const held = map.getSource<GeoJSONSource>(SOURCE);
  if (held) return void held.setData(data);
  map.addSource(SOURCE, { type: "geojson", data });
  for (const [kind, opacity] of Object.entries(LAYERS))
    map.addLayer({
      id: `first-${kind}`,
      type: "fill-extrusion",
      source: SOURCE,
      filter: ["==", ["get", "kind"], kind],
      paint: {
        "fill-extrusion-base": ["get", "base"],
        "fill-extrusion-height": ["get", "top"],
        "fill-extrusion-color": ["get", "colour"],
        "fill-extrusion-opacity": opacity,
      },
    });
}

export function dropFirst(map: BaseMap): void {
  for (const kind of Object.keys(LAYERS)) if (map.getLayer(`first-${kind}`)) map.removeLayer(`first-${kind}`);
  if (map.getSource(SOURCE)) map.removeSource(SOURCE);
}

/** When the base map has drawn what it was given, or has taken too long for anybody to wait for it. */
export function whenDrawn(map: BaseMap, then: () => void): void {
  let waits = true;
  const go = (): void => {
    if (waits) then();
    waits = false;
  };
  const look = (): void => void (map.loaded() ? go() : map.once("render", look));
  map.once("render", look);
  setTimeout(go, LONG_MS);
}
