/**
 * The signs of what stands and moves in the hub and the names that fit beside them: worked out here, drawn by the overlay,
 * and on the plain canvas until that has come.
 */

import { magnify } from "../state/mapview";
import { BADGE_UP, drawBadges, SPOTS, type Badges } from "./badges";
import type { LayerId } from "./catalogue";
import { fitLabels, type Box, type Label } from "./labelfit";
import { drawn, type Drawn } from "./marks";
import type { Panorama } from "./painter";
import type { Palette } from "./style";

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
/** Half of the room that a sign takes from the names. */
const HALF = 12;

/** How the camera sees: pixels of a point in space. */
export interface View {
  width: number;
  height: number;
  latitude: number;
  zoom: number;
  bearing: number;
  project: (at: [number, number, number]) => readonly number[];
}

export class Signs {
  /** The names that fit from where the camera stood when they were chosen. */
  names: readonly Label[] = [];
  private held = new Map<LayerId, { key: string; drawn: Drawn }>();
  private badges: { of: Palette; made: Badges } | null = null;

  /** What is to be drawn of each layer that is on; what did not change is the same object as before. */
  take(scene: Panorama): [LayerId, Drawn][] {
    for (const layer of THING_LAYERS) {
      if (!scene.on.has(layer)) {
        this.held.delete(layer);
        continue;
      }
      const key = `${scene.keyOf(layer)}|${scene.level}|${scene.cell}`;
      if (this.held.get(layer)?.key !== key)
        this.held.set(layer, { key, drawn: drawn(scene.shown.get(layer) ?? [], scene) });
    }
    return THING_LAYERS.flatMap((layer) => {
      const held = this.held.get(layer);
      return held ? [[layer, held.drawn] as [LayerId, Drawn]] : [];
    });
  }

  badgesOf(palette: Palette): Badges {
    if (this.badges?.of !== palette) this.badges = { of: palette, made: drawBadges(palette) };
    return this.badges.made;
  }

  /** The id of a thing by its place in a batch: a batch has no objects of its own. */
  thingAt(layer: LayerId, key: string | undefined, index: number): string | null {
    const batches = this.held.get(layer)?.drawn.batches;
    return batches?.find((one) => one.key === key)?.ids[index] ?? null;
  }

  /** Chooses the names that fit from where the camera stands now, beside the signs that stand there. */
  fitNames(scene: Panorama, view: View): void {
    const taken: Box[] = [];
    const times = magnify.value;
    const half = HALF * times;
    const sign = (x: number, y: number): unknown => taken.push([x - half, y - half, x + half, y + half]);
    for (const { drawn } of this.held.values())
      for (const { angles, ghost, positions } of drawn.batches)
        if (!angles && !ghost)
          for (let at = 0; at < positions.length; at += 3) {
            const [x = 0, y = 0] = view.project([positions[at]!, positions[at + 1]!, positions[at + 2]!]);
            sign(x, y + BADGE_UP * times);
          }
    for (const one of scene.spots) {
      const [x = 0, y = 0] = view.project([one.lon, one.lat, one.z]);
      const [right, down] = SPOTS[one.type].at;
      sign(x + right * times, y + down * times);
    }
    const { width, height } = view;
    const labels = times === 1 ? scene.labels : scene.labels.map((one) => ({ ...one, size: one.size * times }));
    this.names = fitLabels(labels, { width, height, project: (at) => view.project(at), taken });
  }
}
