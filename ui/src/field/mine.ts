/** The orders of the own team: from the server where it answers, else as this phone kept them; with what waits on top. */

import { computed, ref, shallowReactive, shallowRef, watch } from "vue";
import { ApiError, get } from "../api/client";
import type { Task, TaskFile, TasksReply } from "../api/types";
import { isOpenTask } from "../logic/rank";
import { me } from "../state/session";
import { foresee, foreseeTicks, TEAM_MOVES } from "./command";
import { keepList, keptList } from "./kept";
import { answered, queue } from "./outbox";

/** Orders whose checklists are kept: more than a team can have. */
const FILES = 20;

export const mine = shallowRef<Task[]>([]);
export const files = shallowReactive(new Map<string, TaskFile>());
export const origin = ref<"loading" | "live" | "kept" | "failed">("loading");
/** When the list that is shown was kept, by the clock of this phone. */
export const keptAt = ref(0);
export const problem = ref("");

export const foreseen = computed(() => mine.value.map((one) => foresee(one, queue.value)));
export const open = computed(() =>
  foreseen.value
    .filter(isOpenTask)
    .filter((one) => one.state !== "declined")
    .sort((a, b) => a.due_min - b.due_min || (a.task_id < b.task_id ? -1 : 1)),
);

export function ticksOf(task: string): Set<string> {
  const lines = files.get(task)?.checklist ?? [];
  return foreseeTicks(
    task,
    lines.filter((line) => line.done_min !== null).map((line) => line.item),
    queue.value,
  );
}

/** The commands of a team in a state, as far as this person may give them. */
export function movesOf(task: Task): string[] {
  const may = me.value?.may ?? [];
  return Object.keys(TEAM_MOVES[task.state] ?? {}).filter((name) => may.includes(`task.${name}:${task.scene}`));
}

let asked = 0;

export async function loadMine(): Promise<void> {
  const turn = ++asked;
  const user = me.value?.user ?? "";
  try {
    const found = (await get<TasksReply>("/tasks?mine=true&limit=200")).tasks;
    if (turn !== asked || me.value?.user !== user) return;
    mine.value = found;
    origin.value = "live";
    await Promise.all(
      found
        .filter(isOpenTask)
        .slice(0, FILES)
        .map((one) => needFile(one)),
    );
    await keepList(user, found.filter(isOpenTask), files);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    problem.value = error.message;
    if (turn === asked) await fromKept(user);
  }
}

/** Asks for an order in full, unless its newest version is here. */
async function needFile(task: Task): Promise<void> {
  const held = files.get(task.task_id);
  if (held && held.task.version === task.version && held.task.state === task.state) return;
  await loadFile(task.task_id);
}

export async function loadFile(task: string): Promise<void> {
  take(await get<TaskFile>(`/tasks/${encodeURIComponent(task)}`));
}

async function fromKept(user: string): Promise<void> {
  if (mine.value.length > 0 && origin.value === "live") return; // what is shown is newer
  const kept = await keptList(user);
  if (!kept) {
    origin.value = "failed";
    return;
  }
  mine.value = kept.tasks.map((one) => one.task);
  for (const { task, checklist } of kept.tasks)
    files.set(task.task_id, { task, checklist, timeline: [], moves: [], pieces: [], may_file: true });
  keptAt.value = kept.at;
  origin.value = "kept";
}

function take(file: TaskFile): void {
  files.set(file.task.task_id, file);
  const at = mine.value.findIndex((one) => one.task_id === file.task.task_id);
  if (at >= 0 && mine.value[at]!.version <= file.task.version) mine.value = mine.value.with(at, file.task);
  else if (at < 0 && file.task.team === me.value?.team) mine.value = [...mine.value, file.task];
}

export function forgetMine(): void {
  mine.value = [];
  files.clear();
  origin.value = "loading";
}

watch(answered, (file) => file && take(file));
