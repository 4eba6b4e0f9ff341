/** Alarms as they come: each is shown and sounds until a person acknowledges it; the same one never sounds twice. */

import { computed, reactive, ref, shallowRef, watch } from "vue";
import { ApiError, get, post } from "../api/client";
import type { Alarm, AlarmsReply, Heard, LiveChange, Shelf } from "../api/types";
import { nowMs } from "./desk";
import { isLive } from "./mode";
import { may } from "./session";
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
/** Who has heard an alarm, by the number of its event: known to every page of the hub. */
const heard = reactive(new Map<number, Heard>());
/** Kinds that are quiet for a time. */
const shelves = reactive(new Map<string, Shelf>());
/** Why the hub does not know what was acknowledged here; empty while it does. */
export const answerProblem = ref("");

export const soundBlocked = ref(false);
export const muted = ref(false);

/** The number of the event of an alarm: the end of its id. */
const seqOf = (id: string): number => Number(id.slice(id.lastIndexOf("#") + 1));
export const shelfOf = (kind: string): Shelf | null => {
  const shelf = shelves.get(kind);
  return shelf && shelf.until_min * 60_000 > nowMs.value ? shelf : null;
};
export const shelved = computed(() => [...shelves.keys()].flatMap((kind) => shelfOf(kind) ?? []));
export const heardBy = (id: string): Heard | null => heard.get(seqOf(id)) ?? null;

/** A shelf holds nothing that is about somebody's life: no call for help, also not one that comes again as a task that
 * nobody answered, and no alert whose severity a person has called extreme (CAP). */
const isShelved = (one: Alarm): boolean =>
  shelfOf(one.kind) !== null && one.value["kind"] !== "help" && one.value["severity"] !== "Extreme";

export const unacknowledged = computed(() =>
  [...alarms.values()].filter((one) => !isAcknowledged(one.id) && !isShelved(one)),
);

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
  return acknowledged.has(id) || heard.has(seqOf(id));
}

function takeAnswers(reply: AlarmsReply): void {
  for (const one of reply.heard) heard.set(one.seq, one);
  shelves.clear();
  for (const one of reply.shelved) shelves.set(one.kind, one);
}

/** The last request whose answer was taken; what was told while one was on its way is newer than its answer. */
let answered = 0;
let requests = 0;
/** Whether the last request failed in a way that passes. */
let unsaid = false;
let meanwhile: { request: number; told: LiveChange }[] = [];

/** What the live feed tells: somebody has heard an alarm, or shelved a kind. */
export function takeAnswer(change: LiveChange): void {
  meanwhile = [...meanwhile.slice(-KEEP), { request: requests, told: change }];
  putAnswer(change);
}

function putAnswer({ kind, key, at_min, value }: LiveChange): void {
  const told = { ...(value as object), at_min };
  if (kind === "AlarmAcknowledged") heard.set(Number(key), { ...(told as Heard), seq: Number(key) });
  else if (kind === "AlarmShelved") shelves.set(key, told as Shelf);
}

export const loadAnswers = (): Promise<void> => ask(() => get<AlarmsReply>("/alarms")).then(sayOwed);

const AGAIN_MS = 5_000;
const AT_ONCE = 500; // more are refused, all of them
let again: ReturnType<typeof setTimeout> | null = null;

/** Says what was acknowledged here and the hub does not know yet: other pages and the wall sound until it does. */
async function sayOwed(): Promise<void> {
  if (again !== null) clearTimeout(again);
  again = null;
  if (!may("alarm.acknowledge")) return;
  const owed = [...alarms.keys()].filter((id) => acknowledged.has(id) && !heard.has(seqOf(id))).map(seqOf);
  const seqs = owed.filter((one) => Number.isInteger(one) && one > 0).slice(0, AT_ONCE);
  if (seqs.length === 0) return;
  await ask(() => post<AlarmsReply>("/alarms/acknowledge", { seqs }));
  if (unsaid) again = setTimeout(() => void sayOwed(), AGAIN_MS);
}
/** Lets a kind be quiet for some minutes, on every page; 0 minutes end it. */
export const shelve = (kind: string, minutes: number, reason: string): Promise<void> =>
  ask(() => post<AlarmsReply>("/alarms/shelve", { kind, minutes, reason }));

async function ask(call: () => Promise<AlarmsReply>): Promise<void> {
  const mine = ++requests;
  unsaid = false;
  try {
    const reply = await call();
    if (mine < answered) return;
    answered = mine;
    takeAnswers(reply);
    meanwhile = meanwhile.filter(({ request }) => request >= mine);
    for (const { told } of meanwhile) putAnswer(told);
    answerProblem.value = "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    unsaid = error.status === 0 || error.status === 429 || error.status >= 500;
    answerProblem.value = error.message || error.key;
  }
}

export function raise(alarm: Alarm): void {
  if (alarms.has(alarm.id)) return;
  alarms.set(alarm.id, alarm);
  // Who silenced what stood has not heard what comes.
  if (!isAcknowledged(alarm.id) && !isShelved(alarm)) muted.value = false;
  for (const id of alarms.keys()) {
    if (alarms.size <= KEEP) break;
    if (acknowledged.has(id)) alarms.delete(id);
    else break;
  }
  ring();
}

/** Quiet here at once; who may say so says it for every page of the hub. */
export function acknowledge(ids: Iterable<string>): void {
  const these = [...ids];
  for (const id of these) acknowledged.add(id);
  keep();
  ring();
  void sayOwed();
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

watch(() => unacknowledged.value.length, ring);

/** A browser lets nothing sound before the first gesture; any one will do. */
if (typeof document !== "undefined")
  for (const gesture of ["pointerdown", "keydown"])
    document.addEventListener(gesture, () => soundBlocked.value && void allowSound(), { capture: true, passive: true });

/** Ends with the session: what one person made quiet here, the next one has not heard. */
export function forgetAlarms(): void {
  acknowledged.clear();
  keep();
  alarms.clear();
  heard.clear();
  shelves.clear();
  muted.value = false;
  if (again !== null) clearTimeout(again);
  meanwhile = [];
  answered = ++requests; // what is on its way was asked by somebody else
  sound.stop();
}
