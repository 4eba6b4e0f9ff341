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

/** The box of everything that matters now: the hub, its trains and the places that they come from. */
export function boundsOf(scene: Pick<Scene, "positions" | "trains" | "stations">): [Lonlat, Lonlat] | null {
  const places = new Map(scene.stations.map((one) => [one.station_id, one]));
  const points: Lonlat[] = scene.stations.filter((one) => one.hub).map((one) => [one.lon, one.lat]);
  for (const one of scene.positions) points.push([one.lon, one.lat]);
  for (const train of scene.trains)
    for (const call of train.calls) {
      const place = places.get(call.station_id);
      if (place) points.push([place.lon, place.lat]);
    }
  if (points.length === 0) return null;
  const lons = points.map((one) => one[0]);
  const lats = points.map((one) => one[1]);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}
