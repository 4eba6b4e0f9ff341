/** Feeds what the pages hold from the past: first the picture of a minute, then what happened after it. */

import { shallowRef } from "vue";
import { getChanges, getPast, type PastChange, type PastReply, type PastThings } from "../api/past";
import type { Alarm, LiveChange, Train, TrainsReply } from "../api/types";
import { Reel } from "../logic/reel";
import { pastAlarms } from "./alarms";
import { applyChange } from "./apply";
import { bring, cases, list, positions, sources, tasks } from "./desk";
import { alarmOf } from "./live";
import { applyThings, takeThings } from "./things";

/** What is played back: a change of a list, or things that moved. */
type Played = { at_ms: number; change: PastChange | null; things: PastThings | null };

let reel: Reel<Played> | null = null;
let fetching = false;
/** What went wrong while fetching ahead; empty while nothing did. */
export const reelProblem = shallowRef<unknown>(null);

/** Loads the picture of a moment. The caller decides whether it is still wanted before it is shown. */
export async function openPast(atMs: number): Promise<() => void> {
  const reply = await getPast(atMs);
  return () => {
    show(reply);
    reel = new Reel(reply.next_ms);
    fetching = false;
    reelProblem.value = null;
  };
}

export function closePast(): void {
  reel = null;
  pastAlarms.value = new Map();
  reelProblem.value = null;
}

export const isOpen = (): boolean => reel !== null;
export const coveredMs = (): number => reel?.coveredMs ?? -Infinity;

/** Plays what happened up to a moment. */
export function playUntil(ms: number): void {
  const alarms = new Map(pastAlarms.value);
  for (const { change, things } of reel?.take(ms) ?? []) {
    if (things !== null) applyThings(things.things, things.gone);
    if (change !== null) playChange(change, alarms);
  }
  pastAlarms.value = alarms;
}

/** What a page reads elsewhere while it is live comes as topics of its own; the rest is applied as it is live. */
function playChange(change: PastChange, alarms: Map<string, Alarm>): void {
  const { topic, key, value } = change;
  if (topic === "trains" && value) bring("trains", { ...(value as TrainsReply), trains: list.value?.trains ?? [] });
  else if (topic === "train" && list.value) {
    const others = list.value.trains.filter((one) => one.subject !== key);
    list.value = { ...list.value, trains: value ? [...others, value as Train] : others };
  } else if (topic === "standing") {
    if (value) alarms.set(...named(value as LiveChange));
    else alarms.delete(key);
  } else applyChange(change);
  if (change.alarm) alarms.set(...named(change));
}

/** Fetches the next stretch where less than a few seconds of looking lie ready. */
export async function fetchAhead(atMs: number, speed: number, presentMs: number): Promise<void> {
  const mine = reel;
  const wanted = mine?.wants(atMs, speed, presentMs) ?? null;
  if (mine === null || wanted === null || fetching) return;
  fetching = true;
  try {
    const told = await getChanges(wanted.from_ms, wanted.to_ms);
    if (mine !== reel) return;
    const moments: Played[] = [
      ...told.changes.map((change) => ({ at_ms: change.at_ms, change, things: null })),
      ...told.things.map((things) => ({ at_ms: things.at_ms, change: null, things })),
    ];
    mine.add({ from_ms: wanted.from_ms, to_ms: told.to_ms, moments });
    reelProblem.value = null;
  } catch (error) {
    if (mine === reel) reelProblem.value = error;
  } finally {
    if (mine === reel) fetching = false;
  }
}

/** One alarm stands for each kind and thing, as the server counts them. */
const named = (one: LiveChange): [string, Alarm] => [`${one.kind} ${one.topic} ${one.key}`, alarmOf(one)];

function show(reply: PastReply): void {
  bring("emergency", reply.emergency);
  bring("trains", reply.trains);
  bring("areas", reply.areas);
  positions.value = [...(reply.positions?.trains ?? [])];
  bring("board", reply.board);
  cases.value = [...(reply.cases ?? [])];
  tasks.value = [...(reply.tasks ?? [])];
  sources.value = [...(reply.sources ?? [])];
  pastAlarms.value = new Map(reply.alarms.map(named));
  takeThings(reply.things);
}
