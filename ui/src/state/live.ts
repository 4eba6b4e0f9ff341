/** Ties the live feed to what the pages hold. */

import { ref } from "vue";
import { LiveFeed, type LiveSource } from "../api/live";
import type { Thing, ThingMove } from "../api/panorama";
import type { Alarm, LiveChange, LiveDelta, LiveHeartbeat, LiveSnapshot, Task } from "../api/types";
import { Conflator } from "../logic/conflate";
import { loadAnswers, raise, takeAnswer } from "./alarms";
import { applyChange, LISTS } from "./apply";
import { bring, hub, refresh, syncClock, tell, tickClock, type Topic } from "./desk";
import { isLive } from "./mode";
import { lookAgain, me } from "./session";
import { queueThings, takeThings } from "./things";

/** Wall-clock time since which nothing was heard; null while live. */
export const silentSince = ref<number | null>(null);

const LIVE = "/api/v1/live";
const TICK_MS = 1_000;
const PAINT_MS = 250;
const waiting = new Conflator<LiveChange>();
let feed: LiveFeed | null = null;
let timers: ReturnType<typeof setInterval>[] = [];
const expecting: (() => void)[] = [];
let hasPicture = false;

/** Which lists a change of a topic makes old, beside what it brings itself. */
const ASK_AGAIN: Record<string, Topic[]> = {
  train: ["trains"],
  emergency: ["trains", "cases", "tasks"],
  repair: ["repairs"],
};

export function startLive(): void {
  stopLive();
  feed = new LiveFeed(
    (lastId) => new EventSource(LIVE + (lastId && `?last_event_id=${lastId}`)) as unknown as LiveSource,
    {
      snapshot: (data) => takeSnapshot(data as LiveSnapshot),
      delta: (data) => {
        for (const change of (data as LiveDelta).changes)
          if (change.topic === "alarm") takeAnswer(change);
          else waiting.take({ key: `${change.topic}/${change.key}`, value: change, revision: change.rev });
        const { things, gone } = data as LiveThings;
        if (isLive.value) queueThings(things ?? [], gone ?? []);
      },
      alarm: (data) => {
        if (concerns(data as LiveChange)) raise(alarmOf(data as LiveChange));
      },
      heartbeat: (data) => takeHeartbeat(data as LiveHeartbeat),
      silent: (silent, lastMs) => {
        silentSince.value = silent ? lastMs : null;
      },
    },
    () => ({ wallMs: Date.now(), steadyMs: performance.now() }),
  );
  feed.start();
  timers = [
    setInterval(() => {
      feed?.watch();
      if (silentSince.value === null) tickClock();
    }, TICK_MS),
    setInterval(applyWaiting, PAINT_MS),
  ];
}

/** Lists that the first picture of the feed brings: nobody asks for them where it comes. */
export const BROUGHT = ["emergency", "trains", "positions", "board"] as const satisfies Topic[];

/**
 * Waits for the first picture of the feed, or until `timeoutMs` are over. What it does not bring is asked for after it,
 * and kept up to date by what comes then; asked for before, it would be asked for twice.
 */
export function pictured(timeoutMs = 3_000): Promise<void> {
  if (hasPicture) return Promise.resolve();
  return new Promise((resolve) => {
    expecting.push(resolve);
    setTimeout(resolve, timeoutMs);
  });
}

/** Opens the feed anew and waits until its first picture is here, or until `timeoutMs` are over. */
export function reopenLive(timeoutMs = 10_000): Promise<void> {
  startLive();
  return pictured(timeoutMs);
}

export function stopLive(): void {
  feed?.stop();
  feed = null;
  for (const timer of timers) clearInterval(timer);
  timers = [];
  waiting.drain(); // what was told to one session is not for the next
  hasPicture = false;
  silentSince.value = null;
}

/** What the feed tells of things: whole in a snapshot, what changed in a delta. */
interface LiveThings {
  things?: (Thing | ThingMove)[] | null;
  gone?: string[];
}

function takeSnapshot(snapshot: LiveSnapshot): void {
  applyWaiting(); // which is older: a hidden page may be late with it
  if (hasPicture) void lookAgain(); // a break is over: roles may have been given or taken away
  void loadAnswers();
  for (const alarm of snapshot.alarms) if (concerns(alarm)) raise(alarmOf(alarm));
  if (!isLive.value) return;
  takeThings(((snapshot as LiveThings).things ?? []) as Thing[]);
  bring("hub", snapshot.hub);
  bring("emergency", snapshot.emergency);
  bring("trains", snapshot.trains);
  bring("positions", snapshot.positions);
  bring("board", snapshot.board);
  // Pages of cases and tasks are not in the snapshot: what was missed while away is asked for.
  refresh(["cases", "tasks", "areas", "repairs", "sources"]);
  hasPicture = true;
  for (const told of expecting.splice(0)) told();
}

function takeHeartbeat(beat: LiveHeartbeat): void {
  syncClock(beat.now, beat.speed);
  if (hub.value && (hub.value.mode !== beat.mode || hub.value.speed !== beat.speed))
    hub.value = { ...hub.value, mode: beat.mode, speed: beat.speed };
}

function applyWaiting(): void {
  const changes = waiting.drain();
  // While the page shows a past minute, what happens now waits for the way back: that loads everything anew.
  if (!isLive.value) return;
  const old = new Set<Topic>();
  for (const { value: change } of changes) {
    tell(LISTS[change.topic], () => applyChange(change));
    for (const topic of ASK_AGAIN[change.topic] ?? []) old.add(topic);
  }
  refresh(old);
}

/** Field staff hears of the orders of the own team; what a commander must decide does not sound on every phone. */
function concerns(change: LiveChange): boolean {
  if (me.value === null || me.value.roles.some((role) => role !== "field_staff")) return true;
  return change.topic === "task" && (change.value as Task | null)?.team === me.value.team;
}

export function alarmOf(change: LiveChange): Alarm {
  const value = (change.value ?? {}) as Record<string, unknown>;
  return {
    id: `${change.topic}/${change.key}#${change.rev}`,
    kind: change.kind,
    subject: String(value["subject"] ?? change.key),
    at_min: change.at_min,
    value,
  };
}
