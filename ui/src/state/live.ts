/** Ties the live feed to what the pages hold. */

import { ref } from "vue";
import { LiveFeed, type LiveSource } from "../api/live";
import type {
  Alarm,
  Board,
  Case,
  EmergencyReply,
  LiveChange,
  LiveDelta,
  LiveHeartbeat,
  LiveSnapshot,
  Position,
  Source,
  Task,
} from "../api/types";
import type { Thing, ThingMove } from "../api/panorama";
import { Conflator } from "../logic/conflate";
import { raise } from "./alarms";
import { isOpenTask } from "../logic/rank";
import { me } from "./session";
import { queueThings, takeThings } from "./things";
import {
  bring,
  cases,
  hub,
  positions,
  put,
  refresh,
  sources,
  syncClock,
  tasks,
  tickClock,
  touched,
  type Topic,
} from "./desk";

/** Wall-clock time since which nothing was heard; null while live. */
export const silentSince = ref<number | null>(null);

const TICK_MS = 1_000;
const PAINT_MS = 250;
const waiting = new Conflator<LiveChange>();
let feed: LiveFeed | null = null;
let timers: ReturnType<typeof setInterval>[] = [];

/** Which lists a change of a topic makes old, beside what it brings itself. */
const ASK_AGAIN: Record<string, Topic[]> = {
  train: ["trains", "areas"],
  emergency: ["trains", "cases", "tasks"],
  repair: ["repairs"],
};

export function startLive(): void {
  stopLive();
  feed = new LiveFeed(
    () => new EventSource("/api/v1/live") as unknown as LiveSource,
    {
      snapshot: (data) => takeSnapshot(data as LiveSnapshot),
      delta: (data) => {
        for (const change of (data as LiveDelta).changes)
          waiting.take({ key: `${change.topic}/${change.key}`, value: change, revision: change.rev });
        const { things, gone } = data as LiveThings;
        queueThings(things ?? [], gone ?? []);
      },
      alarm: (data) => {
        if (concerns(data as LiveChange)) raise(alarmOf(data as LiveChange));
      },
      heartbeat: (data) => takeHeartbeat(data as LiveHeartbeat),
      silent: (silent, lastMs) => {
        silentSince.value = silent ? lastMs : null;
      },
    },
    () => Date.now(),
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

export function stopLive(): void {
  feed?.stop();
  feed = null;
  for (const timer of timers) clearInterval(timer);
  timers = [];
  silentSince.value = null;
}

/** What the feed tells of things: whole in a snapshot, what changed in a delta. */
interface LiveThings {
  things?: (Thing | ThingMove)[] | null;
  gone?: string[];
}

function takeSnapshot(snapshot: LiveSnapshot): void {
  takeThings(((snapshot as LiveThings).things ?? []) as Thing[]);
  bring("hub", snapshot.hub);
  bring("emergency", snapshot.emergency);
  bring("trains", snapshot.trains);
  bring("positions", snapshot.positions);
  bring("board", snapshot.board);
  for (const alarm of snapshot.alarms) if (concerns(alarm)) raise(alarmOf(alarm));
  // Pages of cases and tasks are not in the snapshot: what was missed while away is asked for.
  refresh(["cases", "tasks", "areas", "repairs", "sources"]);
}

function takeHeartbeat(beat: LiveHeartbeat): void {
  syncClock(beat.now, beat.speed);
  if (hub.value && (hub.value.mode !== beat.mode || hub.value.speed !== beat.speed))
    hub.value = { ...hub.value, mode: beat.mode, speed: beat.speed };
}

function applyWaiting(): void {
  const old = new Set<Topic>();
  for (const { value: change } of waiting.drain()) {
    applyChange(change);
    for (const topic of ASK_AGAIN[change.topic] ?? []) old.add(topic);
  }
  refresh(old);
}

function applyChange({ topic, key, rev, value }: LiveChange): void {
  if (topic === "case") {
    const one = value as Case | null;
    if (one && one.state !== "closed") put(cases, one, (held) => held.case_id === key);
    else cases.value = cases.value.filter((held) => held.case_id !== key);
    touched.value = { id: key, rev };
  } else if (topic === "task") {
    const one = value as Task | null;
    if (one && isOpenTask(one)) put(tasks, one, (held) => held.task_id === key);
    else tasks.value = tasks.value.filter((held) => held.task_id !== key);
  } else if (topic === "position") {
    const others = positions.value.filter((held) => held.subject !== key);
    positions.value = value ? [...others, value as Position] : others;
  } else if (topic === "source") {
    const others = sources.value.filter((held) => held.name !== key);
    sources.value = value ? [...others, value as Source] : others;
  } else if (topic === "emergency" && value) {
    bring("emergency", value as EmergencyReply);
  } else if (topic === "board" && value) {
    bring("board", value as Board);
  }
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
