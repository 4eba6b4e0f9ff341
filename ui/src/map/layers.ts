/** What lies over the base map: lines and trains on their way, counties with risk areas, the hub. */

import type { Layer, PickingInfo } from "@deck.gl/core";
import { IconLayer, PathLayer } from "@deck.gl/layers";
import type { AreaFacts, AreaFeature, Position, Station, Train } from "../api/types";
import { ICONS } from "./atlas";
import { rgba } from "./colour";
import type { Lonlat, Scene } from "./scene";

export interface Handlers {
  hover: (info: PickingInfo) => void;
  train: (subject: string) => void;
  area: (code: string) => void;
}

/** Icon size in pixels: grows slowly with the number of areas, so that one large city hides no neighbour. */
export function areaSize(facts: AreaFacts): number {
  return Math.min(24, 8 + 2.2 * Math.log2(1 + facts.high + facts.medium));
}

/** Where a train goes: its calls in risk areas, where it is now, the hub. */
export function pathOf(train: Train, places: Map<string, Station>, at: Position | undefined, hub: Lonlat): Lonlat[] {
  const path: Lonlat[] = [];
  for (const call of train.calls) {
    const place = places.get(call.station_id);
    if (place) path.push([place.lon, place.lat]);
  }
  const ahead = at ? [[at.lon, at.lat] as Lonlat] : [];
  return [...path, ...ahead, hub];
}

/** What of the country is drawn: near the hub its surroundings speak, not the lines that lead there. */
export interface Country extends Scene {
  near: boolean;
  withTrains: boolean;
  withAreas: boolean;
}

export function buildLayers(scene: Country, handlers: Handlers): Layer[] {
  const { palette, atlas, chosenTrain, chosenArea } = scene;
  const places = new Map(scene.stations.map((one) => [one.station_id, one]));
  const hub = scene.stations.find((one) => one.hub);
  const at = new Map(scene.positions.map((one) => [one.subject, one]));
  const icons = { iconAtlas: atlas as unknown as string, iconMapping: ICONS, sizeUnits: "pixels" as const };
  const layers: Layer[] = [];
  if (hub && scene.withTrains && !scene.near)
    layers.push(
      new PathLayer<Train>({
        id: "paths",
        data: scene.trains.filter((one) => at.has(one.subject) || one.subject === chosenTrain),
        getPath: (one) => pathOf(one, places, at.get(one.subject), [hub.lon, hub.lat]),
        getColor: (one) => rgba(palette.ink, one.subject === chosenTrain ? 255 : one.key_train ? 110 : 50),
        getWidth: (one) => (one.subject === chosenTrain ? 3 : 1.2),
        widthUnits: "pixels",
        updateTriggers: { getColor: [chosenTrain, palette], getWidth: chosenTrain, getPath: scene.positions },
      }),
    );
  layers.push(
    new IconLayer<AreaFeature>({
      id: "areas",
      ...icons,
      data: scene.withAreas && !scene.near ? (scene.areas?.features ?? []) : [],
      getPosition: (one) => one.geometry.coordinates as unknown as Lonlat,
      getIcon: (one) => (one.properties.high > 0 ? "high" : "medium"),
      getSize: (one) => areaSize(one.properties) + (one.properties.area_code === chosenArea ? 8 : 0),
      getColor: (one) => rgba(one.properties.high > 0 ? palette.red : palette.orange, 215),
      updateTriggers: { getColor: palette, getSize: chosenArea },
      pickable: true,
      onHover: (info) => handlers.hover(info),
      onClick: (info) => info.object && handlers.area((info.object as AreaFeature).properties.area_code),
    }),
    new IconLayer<Position>({
      id: "trains",
      ...icons,
      data: scene.withTrains ? scene.positions : [],
      getPosition: (one) => [one.lon, one.lat],
      getIcon: () => "train",
      getAngle: (one) => -one.bearing,
      getSize: (one) => (one.subject === chosenTrain ? 26 : one.key_train ? 20 : 14),
      getColor: (one) => rgba(palette.ink, one.key_train || one.subject === chosenTrain ? 255 : 170),
      updateTriggers: { getColor: [palette, chosenTrain], getSize: chosenTrain },
      pickable: true,
      onHover: (info) => handlers.hover(info),
      onClick: (info) => info.object && handlers.train((info.object as Position).subject),
    }),
  );
  if (hub && !scene.near)
    layers.push(
      new IconLayer<Station>({
        id: "hub",
        ...icons,
        data: [hub],
        getPosition: (one) => [one.lon, one.lat],
        getIcon: () => "hub",
        getSize: 15,
        getColor: rgba(palette.ink),
        updateTriggers: { getColor: palette },
      }),
    );
  return layers;
}
