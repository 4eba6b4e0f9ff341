/** Puts everything on the overlay; what did not change keeps its layers, so that a moving bus redraws no wall. */

import { WebMercatorViewport, type Layer, type PickingInfo } from "@deck.gl/core";
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { Thing, VenueReply } from "../api/panorama";
import type { Chosen } from "../state/chosen";
import { magnify } from "../state/mapview";
import { drawBadges, type Badges } from "./badges";
import type { LayerId } from "./catalogue";
import { fitLabels, type Box, type Label } from "./labelfit";
import { buildLayers, type Handlers } from "./layers";
import { drawn, type Drawn, type Placed } from "./marks";
import { Memo } from "./memo";
import type { Floor } from "./pieces";
import type { Scene } from "./scene";
import type { Palette } from "./style";
import {
  BADGE_UP,
  batchLayer,
  clusterLayers,
  spotLayers,
  wayLayers,
  type Spot,
  type ThingHandlers,
} from "./thing_layers";
import { chosenLayer, crowdLayers, levelLayers, type VenueHandlers } from "./venue_layers";
import type { WayLine } from "./way";
import { writeNames } from "./write_names";

export interface Panorama {
  country: Scene;
  palette: Palette;
  on: ReadonlySet<LayerId>;
  /** Near enough to see the hub as a place; farther away it is a mark. */
  near: boolean;
  venue: VenueReply | null;
  floors: readonly Floor[];
  lifts: ReadonlyMap<string, number>;
  level: string | null;
  /** Things by the layer they belong to. */
  shown: ReadonlyMap<LayerId, readonly Thing[]>;
  /** What the picture of a layer rests on: while it is the same, so is the picture. */
  keyOf: (layer: LayerId) => string;
  zones: ReadonlyMap<string, Thing>;
  zonesKey: string;
  placeOf: (thing: Thing) => Placed | null;
  isStale: (thing: Thing) => boolean;
  unsensed: ReadonlySet<string> | null;
  cell: number;
  spots: readonly Spot[];
  labels: readonly Label[];
  way: readonly WayLine[];
  chosen: Chosen | null;
}

export interface Camera {
  width: number;
  height: number;
  longitude: number;
  latitude: number;
  zoom: number;
  pitch: number;
  bearing: number;
}

/** The layers that are made of signs of things, in the order in which they are drawn. */
const THING_LAYERS: readonly LayerId[] = [
  "parking",
  "device",
  "queue",
  "weather",
  "metro",
  "bus",
  "taxi",
  "ride_hailing",
  "staff",
];

export class Painter {
  readonly overlay: MapboxOverlay;
  private memo = new Memo<Layer>();
  private painted = false;
  private badges: { of: Palette; made: Badges } | null = null;
  private drawn = new Map<LayerId, { key: string; drawn: Drawn }>();
  private names: readonly Label[] = [];

  /** `onDrawn` is called once, when the first picture stands on the page. */
  constructor(
    private readonly handlers: Handlers & VenueHandlers & ThingHandlers,
    private onDrawn: (() => void) | null = null,
  ) {
    // On a canvas of its own: drawing into the base map's context fails with these versions.
    const onAfterRender = (): void => {
      if (!this.painted) return;
      this.onDrawn?.();
      this.onDrawn = null;
    };
    this.overlay = new MapboxOverlay({ interleaved: false, layers: [], pickingRadius: 6, onAfterRender });
  }

  paint(scene: Panorama): void {
    this.overlay.setProps({ layers: [...this.country(scene), ...(scene.near ? this.hub(scene) : [])] });
    this.memo.sweep();
    this.painted = true;
  }

  private country(scene: Panorama): Layer[] {
    const { country, on, near, palette } = scene;
    const parts = [
      country.areas,
      country.positions,
      country.trains,
      country.stations,
      country.chosenTrain,
      country.chosenArea,
      palette,
      near,
      on,
    ];
    return this.memo.of("country", parts, () =>
      buildLayers({ ...country, near, withTrains: on.has("train") && !near, withAreas: on.has("area") }, this.handlers),
    );
  }

  private hub(scene: Panorama): Layer[] {
    const { floors, lifts, level, palette } = scene;
    const venue = { floors, lifts, level, palette };
    const same = [floors, lifts, level, palette];
    const code = scene.chosen?.type === "unit" ? scene.chosen.id : null;
    const crowd = scene.on.has("crowd");
    return [
      ...floors.flatMap((floor) => [
        ...this.memo.of(`level ${floor.level.code}`, same, () => levelLayers(venue, floor, this.handlers)),
        ...this.memo.of(`crowd ${floor.level.code}`, [...same, scene.zonesKey, scene.unsensed, crowd], () =>
          crowdLayers({ ...venue, zones: scene.zones, isStale: scene.isStale, unsensed: scene.unsensed, crowd }, floor),
        ),
      ]),
      ...this.memo.of("chosen", [...same, code], () => chosenLayer(venue, code)),
      ...this.memo.of("way", [scene.way, palette], () => (scene.way.length > 0 ? wayLayers(scene.way, palette) : [])),
      ...this.things(scene),
      ...this.memo.of("spots", [scene.spots, level, palette], () =>
        spotLayers(scene.spots, level, this.badgesOf(palette), this.handlers),
      ),
    ];
  }

  private things(scene: Panorama): Layer[] {
    const { palette } = scene;
    const badges = this.badgesOf(palette);
    const layers: Layer[] = [];
    for (const layer of THING_LAYERS) {
      if (!scene.on.has(layer)) {
        this.drawn.delete(layer);
        continue;
      }
      const key = `${scene.keyOf(layer)}|${scene.level}|${scene.cell}`;
      let held = this.drawn.get(layer);
      if (held?.key !== key) {
        held = { key, drawn: drawn(scene.shown.get(layer) ?? [], scene) };
        this.drawn.set(layer, held);
      }
      const { batches, clusters } = held.drawn;
      for (const batch of batches)
        layers.push(
          ...this.memo.of(`things ${layer} ${batch.key}`, [batch, badges], () => [
            batchLayer(layer, batch, badges, this.handlers),
          ]),
        );
      if (clusters.length > 0)
        layers.push(
          ...this.memo.of(`clusters ${layer}`, [clusters, palette], () =>
            clusterLayers(layer, clusters, palette, this.handlers),
          ),
        );
    }
    return layers;
  }

  /** The id of the thing under the pointer: a batch has no objects of its own. */
  thingAt(info: PickingInfo): string | null {
    const [what, layer, key] = (info.layer?.id ?? "").split("/");
    if (what !== "things" || info.index < 0) return null;
    const batches = this.drawn.get(layer as LayerId)?.drawn.batches;
    return batches?.find((one) => one.key === key)?.ids[info.index] ?? null;
  }

  private badgesOf(palette: Palette): Badges {
    if (this.badges?.of !== palette) this.badges = { of: palette, made: drawBadges(palette) };
    return this.badges.made;
  }

  /** Chooses the names that fit from where the camera stands now, beside the signs that stand there. */
  fitNames(scene: Panorama, camera: Camera): void {
    const view = new WebMercatorViewport(camera);
    const taken: Box[] = [];
    const times = magnify.value;
    const half = 12 * times;
    const sign = (x: number, y: number): unknown => taken.push([x - half, y - half, x + half, y + half]);
    for (const { drawn } of this.drawn.values())
      for (const { angles, ghost, positions } of drawn.batches)
        if (!angles && !ghost)
          for (let at = 0; at < positions.length; at += 3) {
            const [x = 0, y = 0] = view.project([positions[at]!, positions[at + 1]!, positions[at + 2]!]);
            sign(x, y + BADGE_UP * times);
          }
    for (const one of scene.spots) {
      const [x = 0, y = 0] = view.project([one.lon, one.lat, one.z]);
      sign(x + (one.type === "alarm" ? -14 : 14) * times, y - 18 * times);
    }
    const { width, height } = camera;
    const labels = times === 1 ? scene.labels : scene.labels.map((one) => ({ ...one, size: one.size * times }));
    this.names = fitLabels(labels, { width, height, project: (at) => view.project(at), taken });
  }

  /** Writes the names where they are now; called for every frame in which the camera moved. */
  write(canvas: HTMLCanvasElement, palette: Palette, camera: Camera, shown: boolean): void {
    writeNames(canvas, shown ? this.names : [], palette, new WebMercatorViewport(camera));
  }
}
