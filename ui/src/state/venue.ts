/** The venue of the hub: loaded once, and found by code. */

import { computed, ref, shallowRef } from "vue";
import { ApiError, get } from "../api/client";
import type { Feature, Level, VenueReply } from "../api/panorama";

export const venue = shallowRef<VenueReply | null>(null);
/** `none`: this hub has no venue; `failed`: it could not be read now. */
export const venueState = ref<"idle" | "loading" | "ready" | "none" | "failed">("idle");

export const featureByCode = computed(() => {
  const found = new Map<string, Feature>();
  for (const one of venue.value?.features ?? []) found.set(one.code, one);
  return found;
});

/** Highest first, as they stand in a building. */
export const levels = computed<Level[]>(() =>
  [...(venue.value?.levels ?? [])].sort((a, b) => b.ordinal - a.ordinal || (a.code < b.code ? -1 : 1)),
);
export const levelById = computed(() => new Map(levels.value.map((one) => [one.level_id, one])));

/** The feature of a place that a person or a record names: its code, or the number of a platform. */
export function findPlace(code: string): Feature | null {
  return featureByCode.value.get(code) ?? featureByCode.value.get(`P-${code}`) ?? null;
}

export async function loadVenue(): Promise<void> {
  if (venueState.value === "ready" || venueState.value === "loading") return;
  venueState.value = "loading";
  try {
    venue.value = await get<VenueReply>("/venue");
    venueState.value = "ready";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    venueState.value = error.status === 404 ? "none" : "failed";
  }
}

export function forgetVenue(): void {
  venue.value = null;
  venueState.value = "idle";
}
