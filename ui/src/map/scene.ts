/** What the map shows at a moment, and the box around it. */

import type { Areas, Position, Station, Train } from "../api/types";
import type { Palette } from "./style";

export type Lonlat = [number, number];

export interface Scene {
  areas: Areas | null;
  positions: Position[];
  trains: Train[];
  stations: Station[];
  chosenTrain: string | null;
  chosenArea: string | null;
  palette: Palette;
  atlas: HTMLCanvasElement;
}

/** The lines of the hub: the box of its station, its warned trains and the stations that they call at. Those far out
 * are left out of the first view: a single train from the other end of the country would make every other a dot. */
export function boundsOf(scene: Pick<Scene, "positions" | "trains" | "stations">): [Lonlat, Lonlat] | null {
  const places = new Map(scene.stations.map((one) => [one.station_id, one]));
  const home = scene.stations.find((one) => one.hub);
  const hub: Lonlat | null = home ? [home.lon, home.lat] : null;
  const points: Lonlat[] = hub ? [hub] : [];
  for (const one of scene.positions) points.push([one.lon, one.lat]);
  for (const train of scene.trains)
    for (const call of train.calls) {
      const place = places.get(call.station_id);
      if (place) points.push([place.lon, place.lat]);
    }
  if (points.length === 0) return null;
  const near = hub ? nearest(points, hub) : points;
  const lons = near.map((one) => one[0]);
  const lats = near.map((one) => one[1]);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}

const KEPT = 0.9;

/** Nine of ten points, those nearest to the hub. */
function nearest(points: Lonlat[], [lon, lat]: Lonlat): Lonlat[] {
  const away = (one: Lonlat): number => Math.hypot((one[0] - lon) * Math.cos((lat * Math.PI) / 180), one[1] - lat);
  return [...points].sort((a, b) => away(a) - away(b)).slice(0, Math.max(2, Math.ceil(points.length * KEPT)));
}

/** Room for the buttons and notes that lie over the map; on a small one the notes take several lines. */
export function paddingOf(box: { clientWidth: number; clientHeight: number } | null) {
  const small = box !== null && (box.clientWidth < 520 || box.clientHeight < 420);
  return small ? { top: 28, right: 36, bottom: 104, left: 52 } : { top: 56, right: 64, bottom: 88, left: 72 };
}
