/** Where the team is, told by this phone only while somebody wants it: of the team, and gone when they sign out. */

import { ref } from "vue";
import { ApiError, postRaw } from "../api/client";
import { leaving } from "../state/session";

const EVERY_MS = 20_000;

export const sharing = ref(false);
/** The phone does not say where it is: refused, or switched off. */
export const unknown = ref(false);
let watching: number | null = null;
let toldAt = 0;

export function share(on: boolean): void {
  if (on && watching === null) {
    sharing.value = true;
    unknown.value = false;
    toldAt = 0;
    leaving.add(stop);
    watching = navigator.geolocation.watchPosition(found, () => (unknown.value = true), {
      enableHighAccuracy: true,
      maximumAge: EVERY_MS,
    });
  } else if (!on) void stop();
}

function found({ coords }: GeolocationPosition): void {
  unknown.value = false;
  if (Date.now() - toldAt < EVERY_MS) return;
  toldAt = Date.now();
  void tell({ lon: coords.longitude, lat: coords.latitude });
}

async function stop(): Promise<void> {
  if (watching !== null) navigator.geolocation.clearWatch(watching);
  watching = null;
  if (!sharing.value) return;
  sharing.value = false;
  leaving.delete(stop);
  await tell({ on: false });
}

/** A position that does not arrive is not kept: the next one is newer. */
async function tell(what: object): Promise<void> {
  try {
    await postRaw("/position", JSON.stringify(what), "application/json");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}
