/** How the levels of a venue stand above one another: as in the building, or lifted apart to be looked into. */

import type { Feature, Level, VenueReply } from "../api/panorama";
import { METRES_PER_DEGREE } from "./ground";

export type Lonlat = [number, number];
export type Point3 = [number, number, number];

/** Share of the venue's longer side that lies between two levels that are apart. */
const APART = 0.27;
const APART_MIN_M = 24;
const APART_MAX_M = 220;

/** Metres of longitude and latitude between two points that are near each other. */
export function metresBetween([lon, lat]: readonly number[], [toLon, toLat]: readonly number[]): Lonlat {
  const scale = Math.cos(((lat! + toLat!) * Math.PI) / 360);
  return [(toLon! - lon!) * METRES_PER_DEGREE * scale, (toLat! - lat!) * METRES_PER_DEGREE];
}

/** Every outer ring and hole of a geometry; nothing for points and lines. */
export function polygonsOf(geometry: GeoJSON.Geometry): Lonlat[][][] {
  if (geometry.type === "Polygon") return [geometry.coordinates as Lonlat[][]];
  if (geometry.type === "MultiPolygon") return geometry.coordinates as Lonlat[][][];
  return [];
}

function pointsOf(geometry: GeoJSON.Geometry): Lonlat[] {
  if (geometry.type === "GeometryCollection") return geometry.geometries.flatMap(pointsOf);
  const flat = (part: unknown): Lonlat[] =>
    Array.isArray(part) ? (typeof part[0] === "number" ? [part as Lonlat] : part.flatMap(flat)) : [];
  return flat(geometry.coordinates);
}

/** The box around features: south-west and north-east corner, or null where they have no point. */
export function boxOf(features: readonly Feature[]): [Lonlat, Lonlat] | null {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const one of features)
    for (const [lon, lat] of pointsOf(one.geometry)) {
      west = Math.min(west, lon);
      east = Math.max(east, lon);
      south = Math.min(south, lat);
      north = Math.max(north, lat);
    }
  return Number.isFinite(west)
    ? [
        [west, south],
        [east, north],
      ]
    : null;
}

/** The point that stands for a feature: its point, the middle of its line, or the centroid of its outer ring. */
export function middleOf(geometry: GeoJSON.Geometry): Lonlat {
  const ring = polygonsOf(geometry)[0]?.[0];
  if (!ring) {
    const points = pointsOf(geometry);
    return points[Math.floor((points.length - 1) / 2)] ?? [0, 0];
  }
  const [lon0, lat0] = ring[0]!;
  let [area, x, y] = [0, 0, 0];
  for (let at = 0; at < ring.length - 1; at++) {
    const [ax, ay] = [ring[at]![0] - lon0, ring[at]![1] - lat0];
    const [bx, by] = [ring[at + 1]![0] - lon0, ring[at + 1]![1] - lat0];
    const cross = ax * by - bx * ay;
    area += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  }
  return area === 0 ? ring[0]! : [lon0 + x / (3 * area), lat0 + y / (3 * area)];
}

/** Metres between two levels that are apart. */
export function gapOf(venue: VenueReply): number {
  const box = boxOf(venue.features);
  if (!box) return APART_MIN_M;
  const [x, y] = metresBetween(box[0], box[1]);
  return Math.min(APART_MAX_M, Math.max(APART_MIN_M, Math.max(x, y) * APART));
}

/**
 * Height in metres at which each level is drawn, by its id. The lowest lies on the ground, so that no level sinks below
 * the base map. Levels of one ordinal (a platform level and the square beside it) stay at one height.
 */
export function liftsOf(venue: VenueReply, apart: boolean): Map<string, number> {
  const lifts = new Map<string, number>();
  const ordinals = [...new Set(venue.levels.map((one) => one.ordinal))].sort((a, b) => a - b);
  const floor = Math.min(...venue.levels.map((one) => one.elevation_m));
  const gap = gapOf(venue);
  for (const one of venue.levels)
    lifts.set(one.level_id, apart ? ordinals.indexOf(one.ordinal) * gap : one.elevation_m - floor);
  return lifts;
}

/** Drawn height of the walls of a unit: low enough to look into the level. */
export function wallOf(level: Level | undefined, feature: Feature): number {
  if (feature.kind === "footprint") return 0;
  if (level?.outdoor || feature.category === "road" || feature.category === "parking") return 0.6;
  return Math.min(4, (level?.height_m ?? 4) * 0.5);
}

/** From the lowest level to the highest: drawn in this order, what is above lies over what is below. */
export function bottomUp(levels: readonly Level[]): Level[] {
  return [...levels].sort(
    (a, b) => a.ordinal - b.ordinal || Number(b.outdoor) - Number(a.outdoor) || (a.code < b.code ? -1 : 1),
  );
}
