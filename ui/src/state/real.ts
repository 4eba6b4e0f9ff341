/** The real clock, as the server last told it. Grants and sessions go by it, whatever day is replayed. */

import { onUnmounted, ref } from "vue";
import { clockNear } from "../logic/time";
import { zone } from "./desk";

export const realMs = ref(Date.now());
let toldMs = Date.now();
let atMs = performance.now();

/** Takes `now` of a reply of access: ISO 8601. The clock of this device may be wrong, its pace is not. */
export function syncReal(now: string): void {
  toldMs = Date.parse(now);
  atMs = performance.now();
  tick();
}

function tick(): void {
  realMs.value = toldMs + (performance.now() - atMs);
}

/** Lets the clock run while a component is there. */
export function useRealClock(): void {
  const timer = setInterval(tick, 1_000);
  onUnmounted(() => clearInterval(timer));
}

/** A minute of the real clock in the zone of the hub. */
export const realNear = (minute: number): string => clockNear(minute * 60_000, realMs.value, zone.value);
