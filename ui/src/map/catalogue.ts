/** The layers of the map: what belongs to which, and what is shown before anybody has chosen. */

import type { Thing } from "../api/panorama";

export const LAYERS = [
  "crowd",
  "train",
  "metro",
  "bus",
  "taxi",
  "ride_hailing",
  "parking",
  "queue",
  "staff",
  "device",
  "alarm",
  "weather",
  "area",
  "case",
  "unsensed",
] as const;
export type LayerId = (typeof LAYERS)[number];

/** Off at first: a normal picture is quiet, and a camera that works is no news. */
const OFF_AT_FIRST: ReadonlySet<LayerId> = new Set(["device", "parking", "unsensed"]);
export const FIRST_LAYERS: readonly LayerId[] = LAYERS.filter((one) => !OFF_AT_FIRST.has(one));

const OF_KIND: Record<string, LayerId> = {
  zone: "crowd",
  queue: "queue",
  staff: "staff",
  camera: "device",
  device: "device",
  weather: "weather",
  warning: "weather",
};
const OF_MODE: Record<string, LayerId> = {
  metro: "metro",
  bus: "bus",
  coach: "bus",
  taxi: "taxi",
  ride_hailing: "ride_hailing",
  garage: "parking",
};

/** The layer of a thing; null where this page knows none, and then it is in the search only. */
export function layerOf(thing: Pick<Thing, "kind" | "values">): LayerId | null {
  if (thing.kind === "supply" || thing.kind === "vehicle") return OF_MODE[String(thing.values["mode"])] ?? null;
  return OF_KIND[thing.kind] ?? null;
}

/** The layers that are on, from what was kept; anything else than a list of names counts as nothing kept. */
export function readLayers(kept: string | null): Set<LayerId> {
  if (kept !== null)
    try {
      const names: unknown = JSON.parse(kept);
      if (Array.isArray(names)) return new Set(LAYERS.filter((one) => names.includes(one)));
    } catch {
      // What cannot be read was not written by this page.
    }
  return new Set(FIRST_LAYERS);
}
