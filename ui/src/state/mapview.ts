/** What a person sees of the map: layers, level, way. Layers are remembered for each user of this device. */

import { computed, ref, shallowRef, watch } from "vue";
import { ApiError, get } from "../api/client";
import type { WayReply } from "../api/panorama";
import { readLayers, type LayerId } from "../map/catalogue";
import { me } from "./session";

export const layersOn = shallowRef<ReadonlySet<LayerId>>(readLayers(null));
/** Code of the level that is looked at; null: all. */
export const level = ref<string | null>(null);
/** Levels lifted apart, or as they stand in the building. */
export const apart = ref(true);
/** How much larger than at a desk signs and names are: a wall is read from ten metres. */
export const magnify = ref(1);
/** On a phone the layers would cover the map. */
export const panelOpen = ref(typeof window === "undefined" || window.innerWidth > 720);

const keyOf = (user: string): string => `hubtwin.layers.${user}`;

watch(
  () => me.value?.user,
  (user) => {
    let kept: string | null = null;
    try {
      kept = user === undefined ? null : localStorage.getItem(keyOf(user));
    } catch {
      // A browser that keeps nothing shows the layers of the first time.
    }
    layersOn.value = readLayers(kept);
  },
  { immediate: true },
);

export function toggleLayer(layer: LayerId): void {
  const next = new Set(layersOn.value);
  if (!next.delete(layer)) next.add(layer);
  layersOn.value = next;
  if (!me.value) return;
  try {
    localStorage.setItem(keyOf(me.value.user), JSON.stringify([...next]));
  } catch {
    // The choice then lasts for this page.
  }
}

/** A way that is asked for: from and to are codes of places. */
export const wayFrom = ref("");
export const wayTo = ref("");
export const stepFree = ref(false);
export const way = shallowRef<WayReply | null>(null);
export const wayState = ref<"idle" | "loading" | "ready" | "none">("idle");
export const wayProblem = ref("");
export const wayOpen = computed(() => wayFrom.value !== "" || wayTo.value !== "");
let asked = 0;

const pathOf = (from: string, to: string, free: boolean): string =>
  `/venue/way?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}&step_free=${free}`;

/** The way between two places; throws ApiError where there is none. */
export const askWay = (from: string, to: string, free: boolean): Promise<WayReply> =>
  get<WayReply>(pathOf(from, to, free));

watch([wayFrom, wayTo, stepFree], async ([from, to, free]) => {
  const mine = ++asked;
  way.value = null;
  wayProblem.value = "";
  wayState.value = from && to ? "loading" : "idle";
  if (!from || !to) return;
  try {
    const reply = await askWay(from, to, free);
    if (mine !== asked) return;
    way.value = reply;
    wayState.value = "ready";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine !== asked) return;
    wayProblem.value = error.message;
    wayState.value = "none";
  }
});

export function clearWay(): void {
  wayFrom.value = wayTo.value = "";
}
