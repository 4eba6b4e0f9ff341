/** Puts everything on the overlay; what did not change keeps its layers, so that a moving bus redraws no wall. */

import type { Layer, PickingInfo } from "@deck.gl/core";
import { MapboxOverlay } from "@deck.gl/mapbox";
import type { Thing, VenueReply } from "../api/panorama";
import type { Chosen } from "../state/chosen";
import type { LayerId } from "./catalogue";
import type { Label } from "./labelfit";
import { buildLayers, type Handlers } from "./layers";
import type { Placed } from "./marks";
import { Memo } from "./memo";
import type { Floor } from "./pieces";
import type { Scene } from "./scene";
import type { Signs } from "./signs";
import type { Palette } from "./style";
import { batchLayer, clusterLayers, spotLayers, wayLayers, type Spot, type ThingHandlers } from "./thing_layers";
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

export class Painter {
  readonly overlay: MapboxOverlay;
  private memo = new Memo<Layer>();
  private painted = false;

  /** `onDrawn` is called once, when the first picture stands on the page. */
  constructor(
    private readonly handlers: Handlers & VenueHandlers & ThingHandlers,
    private readonly signs: Signs,
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
        spotLayers(scene.spots, level, this.signs.badgesOf(palette), this.handlers),
      ),
    ];
  }

  private things(scene: Panorama): Layer[] {
    const { palette } = scene;
    const badges = this.signs.badgesOf(palette);
    const layers: Layer[] = [];
    for (const [layer, { batches, clusters }] of this.signs.take(scene)) {
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

  /** The id of the thing under the pointer. */
  thingAt(info: PickingInfo): string | null {
    const [what, layer, key] = (info.layer?.id ?? "").split("/");
    return what === "things" && info.index >= 0 ? this.signs.thingAt(layer as LayerId, key, info.index) : null;
  }
}
