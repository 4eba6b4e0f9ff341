/** Alarms as they come: each is shown and sounds until a person acknowledges it; the same one never sounds twice. */

import { computed, reactive, ref, shallowRef } from "vue";
import type { Alarm } from "../api/types";
import { isLive } from "./mode";
import { AlarmSound } from "./sound";

const KEEP = 200;
const KEY = "hubtwin.acknowledged";

/** What is sounding or has sounded now, whatever minute the page shows. */
export const alarms = reactive(new Map<string, Alarm>());
/** The alarms of the past minute that is shown; empty while live. */
export const pastAlarms = shallowRef<ReadonlyMap<string, Alarm>>(new Map());
/** The alarms of the minute that is shown: what lists, map and boards draw. */
export const shownAlarms = computed<ReadonlyMap<string, Alarm>>(() => (isLive.value ? alarms : pastAlarms.value));
const acknowledged = reactive(new Set<string>(readKept()));
const sound = new AlarmSound();

export const soundBlocked = ref(false);
export const muted = ref(false);

export const unacknowledged = computed(() => [...alarms.values()].filter((one) => !acknowledged.has(one.id)));

function readKept(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

function keep(): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...acknowledged].slice(-KEEP)));
  } catch {
    // Without storage an alarm asks again after a reload, which errs on the safe side.
  }
}

export function isAcknowledged(id: string): boolean {
  return acknowledged.has(id);
}

export function raise(alarm: Alarm): void {
  if (alarms.has(alarm.id)) return;
  alarms.set(alarm.id, alarm);
  for (const id of alarms.keys()) {
    if (alarms.size <= KEEP) break;
    if (acknowledged.has(id)) alarms.delete(id);
    else break;
  }
  ring();
}

export function acknowledge(ids: Iterable<string>): void {
  for (const id of ids) acknowledged.add(id);
  keep();
  ring();
}

/** Starts or ends the sound; a browser that wants a click first says so, and the bar offers it. */
export function ring(): void {
  const wanted = unacknowledged.value.length > 0 && !muted.value;
  if (wanted) soundBlocked.value = !sound.start();
  else sound.stop();
}

export async function allowSound(): Promise<void> {
  await sound.unlock();
  ring();
}

export function forgetAlarms(): void {
  alarms.clear();
  sound.stop();
}
