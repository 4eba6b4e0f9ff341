/**
 * What is sensed in the hub: the newest state of every thing, by id. The map is changed in place and `thingsRev` says
 * when: ten thousand things that are observed one by one would cost more than drawing them.
 */

import { ref, shallowRef } from "vue";
import type { Thing, ThingMove } from "../api/panorama";

export const things = shallowRef(new Map<string, Thing>());
export const thingsRev = ref(0);

/** Revision at which a kind changed last; read it after `thingsRev`. */
const kindRevs = new Map<string, number>();
export const kindRev = (kind: string): number => kindRevs.get(kind) ?? 0;

/** At most this often the page takes what has changed: a thing that moves ten times meanwhile is drawn once. */
export const TAKE_MS = 500;

let waiting = new Map<string, Thing | ThingMove | null>();
let timer: ReturnType<typeof setTimeout> | null = null;

const isMove = (told: Thing | ThingMove): told is ThingMove => Array.isArray(told);

function put(told: Thing): boolean {
  const held = things.value.get(told.id);
  if (held && held.at_ms > told.at_ms) return false;
  things.value.set(told.id, told);
  return true;
}

/** A move of a thing that is not known says nothing: without its kind it cannot be drawn. */
function move([id, atMs, lon, lat, values]: ThingMove): Thing | null {
  const held = things.value.get(id);
  if (!held || held.at_ms > atMs) return null;
  return { ...held, at_ms: atMs, lon, lat, values: values ? { ...held.values, ...values } : held.values };
}

function mark(kinds: Iterable<string>): void {
  const rev = thingsRev.value + 1;
  for (const kind of kinds) kindRevs.set(kind, rev);
  thingsRev.value = rev;
}

/** Takes the whole picture of a moment; what was there before is gone. */
export function takeThings(all: readonly Thing[]): void {
  forgetWaiting();
  const kinds = new Set([...things.value.values()].map((one) => one.kind));
  for (const one of all) kinds.add(one.kind);
  things.value = new Map(all.map((one) => [one.id, one]));
  mark(kinds);
}

/** Applies changes at once: a thing as a whole, a move of it, or an id that is gone. */
export function applyThings(told: Iterable<Thing | ThingMove>, gone: Iterable<string> = []): void {
  const kinds = new Set<string>();
  for (const one of told) {
    const now = isMove(one) ? move(one) : one;
    if (now && put(now)) kinds.add(now.kind);
  }
  for (const id of gone) {
    const held = things.value.get(id);
    if (held && things.value.delete(id)) kinds.add(held.kind);
  }
  if (kinds.size > 0) mark(kinds);
}

/** Takes what the live feed tells; it is applied with whatever else comes within half a second. */
export function queueThings(told: Iterable<Thing | ThingMove>, gone: Iterable<string> = []): void {
  for (const one of told) {
    const id = isMove(one) ? one[0] : one.id;
    const before = waiting.get(id);
    // A move after a whole state keeps the state: alone it would be lost where the thing is new.
    if (isMove(one) && before) waiting.set(id, merge(before, one));
    else waiting.set(id, one);
  }
  for (const id of gone) waiting.set(id, null);
  if (waiting.size > 0 && timer === null) timer = setTimeout(flushThings, TAKE_MS);
}

function merge(before: Thing | ThingMove, [id, atMs, lon, lat, values]: ThingMove): Thing | ThingMove {
  if (isMove(before)) return [id, atMs, lon, lat, { ...before[4], ...values }];
  return { ...before, at_ms: atMs, lon, lat, values: { ...before.values, ...values } };
}

export function flushThings(): void {
  const taken = waiting;
  forgetWaiting();
  const gone: string[] = [];
  const told: (Thing | ThingMove)[] = [];
  for (const [id, one] of taken) {
    if (one === null) gone.push(id);
    else told.push(one);
  }
  applyThings(told, gone);
}

function forgetWaiting(): void {
  waiting = new Map();
  if (timer !== null) clearTimeout(timer);
  timer = null;
}

export function forgetThings(): void {
  forgetWaiting();
  takeThings([]);
}
