/** Puts everything on the overlay; what did not change keeps its layers, so that a moving bus redraws no wall. */

import { WebMercatorViewport, type Layer, type PickingInfo } from "@deck.gl/core";
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { Thing, VenueReply } from "../api/panorama";
import type { Chosen } from "../state/chosen";
import { drawBadges, type Badges } from "./badges";
import type { LayerId } from "./catalogue";
import { fitLabels, type Label } from "./labelfit";
import { buildLayers, type Handlers } from "./layers";
import { drawn, type Drawn, type Placed } from "./marks";
import type { Floor } from "./pieces";
import type { Scene } from "./scene";
import type { Palette } from "./style";
import {
  batchLayer,
  clusterLayers,
  labelLayer,
  spotLayers,
  wayLayers,
  type Spot,
  type ThingHandlers,
} from "./thing_layers";
import { chosenLayer, crowdLayers, levelLayers, type VenueHandlers } from "./venue_layers";
import type { WayLine } from "./way";

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

/** Remembers layers by what they were made of; the same parts give the same layers, which are then left as they are. */
class Memo {
  private held = new Map<string, { parts: readonly unknown[]; layers: Layer[] }>();

  of(name: string, parts: readonly unknown[], make: () => Layer[]): Layer[] {
    const before = this.held.get(name);
    if (before && before.parts.length === parts.length && before.parts.every((one, at) => Object.is(one, parts[at])))
      return before.layers;
    const layers = make();
    this.held.set(name, { parts, layers });
    return layers;
  }
}

export class Painter {
  readonly overlay: MapboxOverlay;
  private memo = new Memo();
  private badges: { of: Palette; made: Badges } | null = null;
  private drawn = new Map<LayerId, { key: string; drawn: Drawn }>();
  private fitted: Label[] = [];

  constructor(private readonly handlers: Handlers & VenueHandlers & ThingHandlers) {
    // On a canvas of its own: drawing into the base map's context fails with these versions.
    this.overlay = new MapboxOverlay({ interleaved: false, layers: [], pickingRadius: 6 });
  }

  paint(scene: Panorama): void {
    this.overlay.setProps({ layers: [...this.country(scene), ...(scene.near ? this.hub(scene) : [])] });
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
      buildLayers({ ...country, near, withTrains: on.has("train"), withAreas: on.has("area") }, this.handlers),
    );
  }

  private hub(scene: Panorama): Layer[] {
    const { floors, lifts, level, palette } = scene;
    const venue = { floors, lifts, level, palette };
    const same = [floors, lifts, level, palette];
    const code = scene.chosen?.type === "unit" ? scene.chosen.id : null;
    const crowd = scene.on.has("crowd");
    return [
      ...this.memo.of("levels", same, () => levelLayers(venue, this.handlers)),
      ...this.memo.of("crowd", [...same, scene.zonesKey, scene.unsensed, crowd], () =>
        crowdLayers({ ...venue, zones: scene.zones, isStale: scene.isStale, unsensed: scene.unsensed, crowd }),
      ),
      ...this.memo.of("chosen", [...same, code], () => chosenLayer(venue, code)),
      ...this.memo.of("way", [scene.way, palette], () => (scene.way.length > 0 ? wayLayers(scene.way, palette) : [])),
      ...this.things(scene),
      ...this.memo.of("names", [this.fitted, palette], () => [labelLayer(this.fitted, palette)]),
      ...this.memo.of("spots", [scene.spots, this.badges?.made], () =>
        spotLayers(scene.spots, this.badgesOf(palette), this.handlers),
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

  /** Chooses the names that fit from where the camera stands now. */
  fitNames(scene: Panorama, camera: Camera): void {
    const view = new WebMercatorViewport(camera);
    const fitted = fitLabels(scene.labels, {
      width: camera.width,
      height: camera.height,
      project: (at) => view.project(at),
    });
    if (fitted.length !== this.fitted.length || fitted.some((one, at) => one !== this.fitted[at])) this.fitted = fitted;
  }
}
