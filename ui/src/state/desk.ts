/** Everything the pages show, loaded once and kept up to date by the live feed. */

import { computed, reactive, ref, shallowRef, type Ref } from "vue";
import { ApiError, get } from "../api/client";
import type * as api from "../api/types";
import { about, aboutAlarm, trainIn } from "../logic/about";
import { HubClock } from "../logic/clock";
import { readMoment } from "../logic/time";
import { chosenOf, forgetChosen } from "./chosen";
import { isLive } from "./mode";
import { may } from "./session";
import { forgetThings } from "./things";
import { forgetVenue } from "./venue";

export const hub = shallowRef<api.Hub | null>(null);
export const emergency = shallowRef<api.EmergencyReply | null>(null);
export const list = shallowRef<api.TrainsReply | null>(null);
export const areas = shallowRef<api.Areas | null>(null);
export const stations = shallowRef<api.Station[]>([]);
export const positions = shallowRef<api.Position[]>([]);
export const cases = shallowRef<api.Case[]>([]);
export const tasks = shallowRef<api.Task[]>([]);
export const board = shallowRef<api.Board | null>(null);
export const repairs = shallowRef<api.Repair[]>([]);
export const sources = shallowRef<api.Source[]>([]);
/** The case that something happened to last, whatever became of it: its page reads it again. */
export const touched = shallowRef<{ id: string; rev: number } | null>(null);

export const trains = computed(() => list.value?.trains ?? []);
export const inForce = computed(() => emergency.value?.emergency?.in_force ?? false);

interface Source {
  path: string;
  needs: string;
  put: (reply: never) => void;
}

const SOURCES = {
  hub: { path: "/hub", needs: "hub.read", put: takeHub },
  emergency: { path: "/emergency", needs: "hub.read", put: (reply: api.EmergencyReply) => (emergency.value = reply) },
  trains: { path: "/trains", needs: "alert.read", put: (reply: api.TrainsReply) => (list.value = reply) },
  areas: { path: "/areas", needs: "map.read", put: (reply: api.Areas) => (areas.value = reply) },
  stations: { path: "/stations", needs: "map.read", put: (reply: api.Station[]) => (stations.value = reply) },
  positions: {
    path: "/positions",
    needs: "map.read",
    put: (reply: api.PositionsReply) => (positions.value = reply.trains),
  },
  cases: { path: "/cases?limit=500", needs: "case.read", put: (reply: api.CasesReply) => (cases.value = reply.cases) },
  tasks: { path: "/tasks?limit=500", needs: "task.read", put: (reply: api.TasksReply) => (tasks.value = reply.tasks) },
  board: { path: "/board", needs: "board.read", put: (reply: api.Board) => (board.value = reply) },
  repairs: {
    path: "/repairs",
    needs: "repairs.read",
    put: (reply: api.RepairsReply) => (repairs.value = reply.repairs),
  },
  sources: { path: "/sources", needs: "hub.read", put: (reply: api.SourcesReply) => (sources.value = reply.sources) },
} satisfies Record<string, Source>;

export type Topic = keyof typeof SOURCES;
export const TOPICS = Object.keys(SOURCES) as Topic[];
/** What comes from the past while a past minute is shown: the present must not be put in its place. */
const FED = new Set<Topic>(["emergency", "trains", "areas", "positions", "cases", "tasks", "board", "sources"]);

export interface Loading {
  state: "idle" | "loading" | "ready" | "failed";
  message: string;
  denied: boolean;
}

export const loading = reactive(
  Object.fromEntries(TOPICS.map((topic) => [topic, { state: "idle", message: "", denied: false }])),
) as Record<Topic, Loading>;

export const isReady = (topic: Topic): boolean => loading[topic].state === "ready";

/** Which request was answered last, of each list: what an earlier one brings after it is old. */
const answered = new Map<Topic, number>();
let requests = 0;

/** What was told of a list while it was being asked for: its answer may be older, so this is put into it as well. */
const meanwhile = new Map<Topic, Set<(() => void)[]>>();

/** Puts what the feed tells into a list, and again into every answer for that list that is still on its way. */
export function tell(topic: Topic | undefined, put: () => void): void {
  put();
  if (topic !== undefined) for (const told of meanwhile.get(topic) ?? []) told.push(put);
}

export async function load(...topics: Topic[]): Promise<void> {
  await Promise.all(topics.map(loadOne));
}

async function loadOne(topic: Topic): Promise<void> {
  const status = loading[topic];
  if (!isLive.value && FED.has(topic)) {
    if (status.state === "idle") status.state = "loading"; // asked for on the way back to now
    return;
  }
  if (!may(SOURCES[topic].needs)) {
    Object.assign(status, { state: "failed", message: "", denied: true });
    return;
  }
  if (status.state !== "ready") status.state = "loading";
  const request = ++requests;
  const isOld = (): boolean => request < (answered.get(topic) ?? 0);
  const told: (() => void)[] = [];
  if (!meanwhile.has(topic)) meanwhile.set(topic, new Set());
  meanwhile.get(topic)!.add(told);
  try {
    const source: Source = SOURCES[topic];
    const reply = await get<unknown>(source.path);
    if (isOld() || (!isLive.value && FED.has(topic))) return;
    answered.set(topic, request);
    source.put(reply as never);
    for (const put of told) put();
    Object.assign(status, { state: "ready", message: "", denied: false });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (isOld()) return;
    Object.assign(status, { state: "failed", message: error.message, denied: error.status === 403 });
    if (isPassing(error.status)) setTimeout(() => refresh([topic]), AGAIN_MS);
  } finally {
    meanwhile.get(topic)!.delete(told);
  }
}

/** What may be well in a moment is asked for again by itself: a line that was cut, a server that starts or is busy. */
const isPassing = (status: number): boolean => status < 400 || status === 429 || status >= 500;

/** Marks a topic as known without a request: the live feed has brought it. */
export function bring<T extends Topic>(topic: T, reply: Parameters<(typeof SOURCES)[T]["put"]>[0] | null): void {
  if (reply === null) return;
  const source: Source = SOURCES[topic];
  answered.set(topic, ++requests); // what is on its way may be older
  source.put(reply as never);
  Object.assign(loading[topic], { state: "ready", message: "", denied: false });
}

const WAIT_MS = 500;
const AGAIN_MS = 4_000;
const dirty = new Set<Topic>();
let timer: ReturnType<typeof setTimeout> | null = null;

/** Asks again for topics that some page has asked for before; several changes at once make one request. */
export function refresh(topics: Iterable<Topic>): void {
  for (const topic of topics) if (loading[topic].state !== "idle") dirty.add(topic);
  if (dirty.size === 0 || timer !== null) return;
  timer = setTimeout(() => {
    timer = null;
    const wanted = [...dirty];
    dirty.clear();
    void load(...wanted);
  }, WAIT_MS);
}

/** Puts a case or task in its list, unless the list already holds a newer version. */
export function put<T extends { version: number }>(target: Ref<T[]>, value: T, same: (one: T) => boolean): void {
  const at = target.value.findIndex(same);
  if (at < 0) target.value = [...target.value, value];
  else if (target.value[at]!.version <= value.version) target.value = target.value.with(at, value);
}

const clock = new HubClock();
export const nowMs = ref(0);
export const zone = computed(() => hub.value?.zone ?? "UTC");

function takeHub(value: api.Hub): void {
  hub.value = value;
  syncClock(value.now, value.speed);
  tickClock();
}

export function syncClock(told: number | string, speed: number): void {
  clock.sync(readMoment(told), performance.now(), speed);
}

export function tickClock(): void {
  if (clock.ready) nowMs.value = clock.read(performance.now());
}

export const trainOf = (subject: string): string => trainIn(subject, trains.value);
export const aboutOf = (subject: string): string => about(subject, { trains: trains.value, cases: cases.value });
export const aboutAlarmOf = (alarm: api.Alarm): string =>
  aboutAlarm(alarm, { trains: trains.value, cases: cases.value });

/** What is chosen on the map and in the lists: the subject of a train, or the code of an area. */
export const chosenTrain = chosenOf("train");
export const chosenArea = chosenOf("area");

export function forgetDesk(): void {
  for (const topic of TOPICS) {
    Object.assign(loading[topic], { state: "idle", message: "", denied: false });
    answered.set(topic, ++requests); // what is on its way was asked by somebody else
  }
  hub.value = emergency.value = list.value = areas.value = board.value = null;
  stations.value = positions.value = cases.value = tasks.value = repairs.value = sources.value = [];
  touched.value = null;
  forgetChosen();
  forgetThings();
  forgetVenue();
}
