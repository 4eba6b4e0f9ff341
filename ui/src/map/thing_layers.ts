/** What is sensed as signs on the map: badges, arrows, and counts where things stand too close. */

import type { Layer, PickingInfo } from "@deck.gl/core";
import { IconLayer, PathLayer, ScatterplotLayer, TextLayer } from "@deck.gl/layers";
import { ARROW, BADGE, BADGE_UP, FAINT, signOf, SPOTS, type Badges } from "./badges";
import { rgba } from "./colour";
import { radiusOf, type Batch, type Cluster } from "./marks";
import { magnify } from "../state/mapview";
import { FAMILY, type Palette } from "./style";
import type { WayLine } from "./way";

export interface ThingHandlers {
  hover: (info: PickingInfo) => void;
  thing: (id: string) => void;
  cluster: (cluster: Cluster) => void;
  spot: (spot: Spot) => void;
}

/** Signs lie over everything that stands below them: a thing behind a wall is still there. */
const ON_TOP = { depthCompare: "always", depthWriteEnabled: false } as const;

export function batchLayer(layer: string, batch: Batch, badges: Badges, handlers: ThingHandlers): Layer {
  const moving = batch.angles !== null;
  const icon = signOf(batch.shape, batch.tone);
  return new IconLayer({
    id: `things/${layer}/${batch.key}`,
    data: {
      length: batch.ids.length,
      attributes: {
        getPosition: { value: batch.positions, size: 3 },
        ...(batch.angles ? { getAngle: { value: batch.angles, size: 1 } } : {}),
      },
    },
    iconAtlas: badges.image as unknown as string,
    iconMapping: badges.icons,
    getIcon: () => icon,
    getSize: (moving ? ARROW : BADGE) * magnify.value,
    sizeUnits: "pixels",
    opacity: batch.ghost ? FAINT : 1,
    // An arrow lies in the plane of its road; a badge stands towards the reader.
    billboard: !moving,
    // A badge stands above its point: the name of the place is written below it.
    getPixelOffset: moving ? [0, 0] : [0, BADGE_UP * magnify.value],
    pickable: !batch.ghost,
    parameters: ON_TOP,
    onHover: (info) => handlers.hover(info),
    onClick: (info) => info.index >= 0 && handlers.thing(batch.ids[info.index]!),
  });
}

export function clusterLayers(
  layer: string,
  clusters: readonly Cluster[],
  palette: Palette,
  handlers: ThingHandlers,
): Layer[] {
  const at = (one: Cluster): [number, number, number] => [one.lon, one.lat, one.z];
  return [
    new ScatterplotLayer<Cluster>({
      id: `clusters/${layer}`,
      data: clusters as Cluster[],
      getPosition: at,
      getRadius: (one) => radiusOf(one) * magnify.value,
      radiusUnits: "pixels",
      billboard: true,
      stroked: true,
      getFillColor: (one) => rgba(palette.halo, one.ghost ? 60 : 245),
      getLineColor: (one) => rgba(one.bad > 0 ? palette.red : palette.ink, one.ghost ? 70 : 255),
      getLineWidth: (one) => (one.bad > 0 ? 2.5 : 1.2),
      lineWidthUnits: "pixels",
      pickable: true,
      parameters: ON_TOP,
      onHover: (info) => handlers.hover(info),
      onClick: (info) => info.object && handlers.cluster(info.object as Cluster),
    }),
    new TextLayer<Cluster>({
      id: `counts/${layer}`,
      data: clusters as Cluster[],
      getPosition: at,
      getText: (one) => String(one.ids.length),
      getSize: 11 * magnify.value,
      getColor: (one) => rgba(palette.ink, one.ghost ? 90 : 255),
      fontFamily: FAMILY,
      parameters: ON_TOP,
    }),
  ];
}

/** Where something is to be done: alarms and cases at a place, counted. */
export interface Spot {
  type: "alarm" | "case";
  place: string;
  ids: string[];
  lon: number;
  lat: number;
  z: number;
  level: string;
}

export function spotLayers(
  spots: readonly Spot[],
  level: string | null,
  badges: Badges,
  handlers: ThingHandlers,
): Layer[] {
  return [
    new IconLayer<Spot>({
      id: "spots",
      data: spots as Spot[],
      iconAtlas: badges.image as unknown as string,
      iconMapping: badges.icons,
      getIcon: (one) => SPOTS[one.type].sign,
      getPosition: (one) => [one.lon, one.lat, one.z],
      getPixelOffset: (one) => [SPOTS[one.type].at[0] * magnify.value, SPOTS[one.type].at[1] * magnify.value],
      getSize: (one) => SPOTS[one.type].size * magnify.value,
      getColor: (one) => [255, 255, 255, level === null || one.level === level ? 255 : 60],
      sizeUnits: "pixels",
      pickable: true,
      parameters: ON_TOP,
      onHover: (info) => handlers.hover(info),
      onClick: (info) => info.object && handlers.spot(info.object as Spot),
    }),
  ];
}

/** The way, leg by leg; a change of level is dashed by its shape: it is the part that leaves the floor. */
export function wayLayers(lines: readonly WayLine[], palette: Palette): Layer[] {
  const of = (id: string, width: number, colour: string, alpha: number): Layer =>
    new PathLayer<WayLine>({
      id,
      data: lines as WayLine[],
      getPath: (one) => one.path,
      getColor: rgba(colour, alpha),
      getWidth: width,
      widthUnits: "pixels",
      capRounded: true,
      jointRounded: true,
      parameters: ON_TOP,
    });
  return [of("way-edge", 9, palette.halo, 235), of("way", 4.5, palette.way, 255)];
}
