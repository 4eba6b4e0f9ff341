/** The picture of the panorama from what the pages hold: each part is computed anew only when what it rests on changed. */

import { computed, ref, shallowRef, watch } from "vue";
import type { Thing } from "../api/panorama";
import type { Names } from "../api/types";
import { useWords } from "../i18n/use";
import { isOpenTask } from "../logic/rank";
import { isAcknowledged, shownAlarms } from "../state/alarms";
import { chosen } from "../state/chosen";
import { areas, cases, chosenArea, chosenTrain, positions, sources, stations, tasks, trains } from "../state/desk";
import { apart, layersOn, level, magnify, way } from "../state/mapview";
import { lang, theme } from "../state/prefs";
import { kindRev, things, thingsRev } from "../state/things";
import { findPlace, venue } from "../state/venue";
import { lagMs, viewMs } from "../state/view";
import { drawAtlas } from "./atlas";
import { LAYERS, layerOf, type LayerId } from "./catalogue";
import { byName, isStale as stale } from "./fresh";
import { KINDS_OF, type Placed } from "./marks";
import { namesOf } from "./names";
import type { Panorama } from "./painter";
import { floorsOf, placesOf } from "./pieces";
import { spotsOf } from "./spots";
import { liftsOf } from "./stack";
import { readPalette } from "./style";
import { unsensed } from "./unsensed";
import { wayLines } from "./way";

/** From this zoom on the hub is a place; farther away it is a mark on the lines that lead to it. */
export const NEAR_ZOOM = 12.5;
/** Things within so many pixels of one another are counted as one, until this zoom. */
const CELL_PX = 44;
const APART_ZOOM = 17.6;
const ABOVE_M = 3;
const SLOW_MS = 10_000;

export const zoom = ref(3);
export const near = computed(() => zoom.value >= NEAR_ZOOM);

export function usePanorama() {
  const { named } = useWords();
  const palette = shallowRef(readPalette());
  watch(theme, () => (palette.value = readPalette()), { flush: "post" });

  const floors = computed(() => (venue.value ? floorsOf(venue.value) : []));
  const lifts = computed(() => (venue.value ? liftsOf(venue.value, apart.value) : new Map<string, number>()));
  const places = computed(() => (venue.value ? placesOf(venue.value) : new Map()));
  const levelCodes = computed(() => new Map((venue.value?.levels ?? []).map((one) => [one.code, one.level_id])));

  const states = computed(() => byName(sources.value));
  const statesKey = computed(() => sources.value.map((one) => `${one.name}=${one.state}`).join());
  const slowMs = computed(() => Math.floor((viewMs.value - lagMs.value) / SLOW_MS) * SLOW_MS);
  const isStale = (thing: Thing): boolean => stale(thing, states.value, slowMs.value);

  function placeAt(code: string): Placed | null {
    const feature = findPlace(code);
    const found = feature && places.value.get(feature.code);
    if (!found) return null;
    const z = (found.level ? (lifts.value.get(found.level.level_id) ?? 0) : 0) + found.wall + ABOVE_M;
    return { lon: found.at[0], lat: found.at[1], z, level: found.level?.code ?? "" };
  }

  function placeOf(thing: Thing): Placed | null {
    if (thing.lon === null || thing.lat === null) return thing.place === "" ? null : placeAt(thing.place);
    const id = levelCodes.value.get(thing.level);
    const z = id === undefined ? 1 : (lifts.value.get(id) ?? 0) + ABOVE_M;
    return { lon: thing.lon, lat: thing.lat, z, level: id === undefined ? "" : thing.level };
  }

  const grouped = computed(() => {
    void thingsRev.value;
    const groups = new Map<LayerId, Thing[]>(LAYERS.map((one) => [one, []]));
    for (const one of things.value.values()) {
      const layer = layerOf(one);
      if (layer !== null) groups.get(layer)!.push(one);
    }
    return groups;
  });
  const zones = computed(() => new Map(grouped.value.get("crowd")!.map((one) => [one.place, one])));
  /** What the picture of a layer rests on beside the things themselves. */
  const ground = computed(() => `${statesKey.value}|${apart.value}|${venue.value?.venue_id}|${slowMs.value}`);
  const groundSlow = computed(() => `${statesKey.value}|${venue.value?.venue_id}`);

  function keyOf(layer: LayerId): string {
    void thingsRev.value;
    return `${(KINDS_OF[layer] ?? []).map(kindRev).join()}|${ground.value}`;
  }

  const dark = shallowRef<ReadonlySet<string>>(new Set());
  watch(
    [() => layersOn.value.has("unsensed"), groundSlow, slowMs],
    () => {
      dark.value = unsensed(venue.value?.features ?? [], things.value.values(), states.value, slowMs.value);
    },
    { immediate: true },
  );

  const labels = computed(() =>
    namesOf({
      floors: floors.value,
      lifts: lifts.value,
      level: level.value,
      chosen: chosen.value?.type === "unit" ? chosen.value.id : null,
      named: (names: Names) => (lang.value, named(names)),
    }),
  );
  const openAlarms = computed(() => [...shownAlarms.value.values()].filter((one) => !isAcknowledged(one.id)));
  const spots = computed(() =>
    spotsOf(
      { alarms: openAlarms.value, tasks: tasks.value.filter(isOpenTask), cases: cases.value },
      { alarm: layersOn.value.has("alarm"), case: layersOn.value.has("case") },
      { codeOf: (told) => findPlace(told)?.code ?? null, at: placeAt },
    ),
  );
  const lines = computed(() => (way.value ? wayLines(way.value, lifts.value) : []));
  const cell = computed(() => {
    const whole = Math.floor(zoom.value);
    return zoom.value >= APART_ZOOM ? 0 : (CELL_PX * magnify.value * 360) / (512 * 2 ** whole);
  });
  let atlas: HTMLCanvasElement | null = null;

  const scene = computed<Panorama>(() => ({
    country: {
      areas: areas.value,
      positions: positions.value,
      trains: trains.value,
      stations: stations.value,
      chosenTrain: chosenTrain.value,
      chosenArea: chosenArea.value,
      palette: palette.value,
      atlas: (atlas ??= drawAtlas()),
    },
    palette: palette.value,
    on: layersOn.value,
    near: near.value && venue.value !== null,
    venue: venue.value,
    floors: floors.value,
    lifts: lifts.value,
    level: level.value,
    shown: grouped.value,
    keyOf,
    zones: zones.value,
    zonesKey: `${kindRev("zone")}|${groundSlow.value}`,
    placeOf,
    isStale,
    unsensed: layersOn.value.has("unsensed") ? dark.value : null,
    cell: cell.value,
    spots: spots.value.spots,
    labels: labels.value,
    way: lines.value,
    chosen: chosen.value,
  }));

  return { scene, palette, floors, lifts, states, slowMs, grouped, dark, spots, openAlarms, placeAt, placeOf, isStale };
}

export type PanoramaState = ReturnType<typeof usePanorama>;
