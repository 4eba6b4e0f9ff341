/**
 * The one clock of the page. `viewMs` is the time that every panel shows: the hub's clock while live, else a past minute
 * that stands still or runs. The hub's own clock (`nowMs` of `state/desk.ts`) goes on meanwhile and is what deadlines of
 * commands and the live feed go by; its speed is a matter of the hub, not of this page.
 */

import { computed, readonly, ref, watch } from "vue";
import { ApiError } from "../api/client";
import { advance } from "../logic/view";
import { alarms, isAcknowledged, pastAlarms } from "./alarms";
import { hub, load, loading, nowMs, TOPICS } from "./desk";
import { reopenLive } from "./live";
import { isLive, isOfNow, viewMode } from "./mode";
import { closePast, coveredMs, fetchAhead, isOpen, openPast, playUntil } from "./past";

export { isLive, viewMode, type ViewMode } from "./mode";

/** Speeds of playing back, in hub seconds per second. */
export const VIEW_SPEEDS = [1, 10, 60, 120, 300, 600] as const;
const TICK_MS = 200;
const NEAR_MS = 2_000;

const pastMs = ref(0);
const speed = ref(1);
const busy = ref(false);
const trouble = ref("");

export const viewMs = computed(() => (isLive.value ? nowMs.value : pastMs.value));
/** What deadlines and "in 5 min" count from: now, on pages that are about now whatever minute the map shows. */
export const countMs = computed(() => (isOfNow.value ? nowMs.value : viewMs.value));
export const viewSpeed = readonly(speed);
const LAG_MS = 2_000;
/** How far what is shown may lie behind the clock of the hub, which goes on while it is on its way: more, where it runs
 * fast. */
export const lagMs = computed(() => LAG_MS * Math.max(1, isLive.value ? (hub.value?.speed ?? 1) : speed.value));
/** While the picture of another minute is on its way: what is on the page belongs to no minute. */
export const viewLoading = readonly(busy);
/** Why the last jump led nowhere; empty where it did. */
export const viewProblem = readonly(trouble);

let asked = 0;
let timer: ReturnType<typeof setInterval> | null = null;
let tickedAt = 0;

/** Shows the picture of a moment; goes on running if it ran before, else stands still. The present leads to live. */
export async function jump(ms: number): Promise<void> {
  if (ms >= nowMs.value) return goLive();
  const mine = ++asked;
  const [before, wasLive] = [pastMs.value, isLive.value];
  pastMs.value = ms;
  if (wasLive) viewMode.value = "paused";
  busy.value = true;
  trouble.value = "";
  try {
    const show = await openPast(ms);
    if (mine !== asked) return;
    show();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine !== asked) return;
    trouble.value = error.message || error.key;
    if (!wasLive && isOpen()) pastMs.value = before;
    else await goLive();
  } finally {
    if (mine === asked) busy.value = false;
  }
}

/** Runs from the minute that is shown, at 1 to 600 hub seconds a second. At the present it becomes live. */
export async function play(at: number = speed.value): Promise<void> {
  speed.value = at;
  if (isLive.value) return;
  if (!isOpen()) await jump(pastMs.value);
  if (isLive.value) return;
  viewMode.value = "replay";
  start();
}

/** Stands still at the minute that is shown: also the present, which then goes on without this page. */
export function pause(): void {
  if (isLive.value) {
    pastMs.value = nowMs.value;
    pastAlarms.value = new Map([...alarms].filter(([id]) => !isAcknowledged(id)));
  }
  viewMode.value = "paused";
  stop();
}

/** Leaves the past: everything is loaded anew, so that nothing of it stays on the page. */
export async function goLive(): Promise<void> {
  if (isLive.value) return;
  const mine = ++asked;
  stop();
  closePast();
  viewMode.value = "live";
  busy.value = true;
  try {
    await Promise.all([load(...TOPICS.filter((one) => loading[one].state !== "idle")), reopenLive()]);
  } finally {
    if (mine === asked) busy.value = false;
  }
}

function start(): void {
  stop();
  tickedAt = performance.now();
  timer = setInterval(tick, TICK_MS);
  void fetchAhead(pastMs.value, speed.value, nowMs.value);
}

function stop(): void {
  if (timer !== null) clearInterval(timer);
  timer = null;
}

function tick(): void {
  const at = performance.now();
  const elapsed = at - tickedAt;
  tickedAt = at;
  if (busy.value) return;
  // Never beyond what is here: a gap would be shown as if nothing had happened.
  const next = advance(pastMs.value, elapsed, speed.value, coveredMs());
  playUntil(next);
  pastMs.value = next;
  // What is told of the past ends a moment before the present: who is that near has arrived.
  if (next >= nowMs.value - NEAR_MS * Math.max(1, hub.value?.speed ?? 1)) void goLive();
  else void fetchAhead(next, speed.value, nowMs.value);
}

/** What belongs to one person's view ends with the session. */
export function forgetView(): void {
  asked += 1;
  stop();
  closePast();
  viewMode.value = "live";
  busy.value = false;
  trouble.value = "";
}

watch(viewMode, (mode) => {
  if (mode !== "replay") stop();
});
