/** What this phone has to send, as the pages see it, and the times at which it tries. */

import { computed, ref, shallowRef } from "vue";
import { ApiError, get, postRaw } from "../api/client";
import type { Task, TaskFile } from "../api/types";
import { i18n } from "../i18n";
import { put, tasks } from "../state/desk";
import { me, resume } from "../state/session";
import type { Command } from "./command";
import { Lockbox } from "./lockbox";
import { type Draft, type Ended, Outbox } from "./sender";
import { openShelf, type Shelf } from "./shelf";

const EVERY_MS = 10_000;
const WORDS_MS = 20_000;
const PHOTO_MS = 120_000;

/** What waits of the person who is signed in, in the order in which it will be sent. */
export const queue = shallowRef<Command[]>([]);
/** How many wait on this phone for other people. */
export const others = ref(0);
/** Why the last attempt ended. */
export const ended = ref<Ended>("done");
/** Whether what waits outlives a reload. */
export const lasting = ref(true);
/** What the server answered last for a task: its page takes it over. */
export const answered = shallowRef<TaskFile | null>(null);
/** Whether this phone failed to keep what was done last: it is said, and nothing looks as if it were done. */
export const notKept = ref(false);
/** True while the page goes by what this phone kept, since nobody could be asked who is signed in. */
export const offlineSelf = ref(false);

export const stuck = computed(() => queue.value.filter((one) => one.stuck !== null));
export const waiting = computed(() => queue.value.filter((one) => one.stuck === null));
export const oldestAt = computed(() => waiting.value.reduce((least, one) => Math.min(least, one.at), Infinity));

let shelf: Promise<Shelf> | null = null;
let box: Lockbox | null = null;
let timer: ReturnType<typeof setInterval> | null = null;
let trying = false;

export function getShelf(): Promise<Shelf> {
  shelf ??= openShelf().then((opened) => {
    lasting.value = opened.lasting;
    return opened;
  });
  return shelf;
}

const outbox = getShelf().then(
  (opened) =>
    new Outbox(opened, {
      // What this phone does is of now, whatever minute its map shows; a line that hangs holds up nothing for ever.
      post: ({ path, body, raw }) =>
        postRaw(path, raw ?? JSON.stringify(body), raw?.type ?? "application/json", {
          anyTime: true,
          withinMs: raw ? PHOTO_MS : WORDS_MS,
        }),
      now: () => Date.now(),
      alone,
      sent: taken,
      get lost() {
        return i18n.global.t("phone.lost");
      },
    }),
);

/** One window at a time sends; the others find an empty queue. */
function alone(work: () => Promise<Ended>): Promise<Ended> {
  if (!navigator.locks) return work();
  return navigator.locks.request("hubtwin-outbox", work).then((found) => found);
}

function taken(_: Command, reply: unknown): void {
  const file = reply as TaskFile;
  put(tasks, file.task, (one: Task) => one.task_id === file.task.task_id);
  answered.value = file;
}

async function boxOf(user: string): Promise<Lockbox | null> {
  if (!globalThis.crypto?.subtle) return null;
  if (box?.user !== user) box = new Lockbox(await getShelf(), user);
  return box;
}

export async function refreshQueue(): Promise<void> {
  const user = me.value?.user ?? null;
  const held = await outbox;
  queue.value = user === null ? [] : await held.list(user);
  others.value = await held.countOthers(user);
}

/** Keeps what was done and sends it at once where that is possible; it is kept when this returns its name, and is not
 * where it returns null: then the page says so. A call for help is sent all the same, and waits for no photo. */
export async function submit(draft: Draft): Promise<string | null> {
  const user = me.value?.user;
  if (user === undefined) return null;
  try {
    const command = await (await outbox).add(user, draft, await boxOf(user));
    notKept.value = false;
    await refreshQueue();
    if (draft.kind === "help") void sendAhead(command);
    else void flush();
    return command.id;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    notKept.value = true;
    return draft.kind === "help" ? (await outbox).sendUnkept(user, draft) : null;
  }
}

/** Sends a call for help beside whatever is on its way; its key lets it be sent twice. */
async function sendAhead(command: Command): Promise<void> {
  try {
    if (await confirmSelf(command.user)) await (await outbox).sendOne(command, await boxOf(command.user));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  await refreshQueue();
  void flush();
}

/** Sends what waits. Harmless at any time; what fails stays. */
export async function flush(): Promise<void> {
  const user = me.value?.user;
  if (user === undefined || trying) return;
  trying = true;
  try {
    await refreshQueue();
    if (waiting.value.length === 0 && !offlineSelf.value) return;
    if (!(await confirmSelf(user))) return;
    if (waiting.value.length === 0) return;
    const mine = await boxOf(user);
    if (mine && !mine.isOpen) await mine.unlock((await get<{ secret: string }>("/phone")).secret);
    ended.value = await (await outbox).flush(user, mine);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    ended.value = error.status === 401 ? "signed_out" : "offline";
  } finally {
    trying = false;
    await refreshQueue();
  }
}

/** Asks who is signed in before anything is sent: another window of this phone may have signed in somebody else, and what
 * this person did would go out in that one's name. */
async function confirmSelf(user: string): Promise<boolean> {
  await resume();
  offlineSelf.value = false;
  return me.value?.user === user;
}

export async function retry(command: Command): Promise<void> {
  const known = tasks.value.find((one) => one.task_id === command.task);
  let version = known?.version ?? null;
  if (command.kind === "move")
    try {
      version = (await get<TaskFile>(`/tasks/${encodeURIComponent(command.task)}`)).task.version;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  await (await outbox).retry(command.id, version);
  await flush();
}

export async function drop(command: Command): Promise<void> {
  await (await outbox).drop(command.id);
  await refreshQueue();
  void flush();
}

/** Makes this phone ready to lock: asks for the secret once, so that a later page without connection can keep words. */
export async function prepare(): Promise<void> {
  const user = me.value?.user;
  if (user === undefined) return;
  void getShelf().then((held) => (held.lasting ? navigator.storage?.persist?.() : undefined));
  const mine = await boxOf(user);
  try {
    if (mine && !mine.isOpen) await mine.unlock((await get<{ secret: string }>("/phone")).secret);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

/** Nobody is signed in: what waits stays locked. */
export function lockUp(): void {
  box = null;
}

export function startSending(): void {
  if (timer !== null) return void prepare().then(flush);
  timer = setInterval(() => void flush(), EVERY_MS);
  addEventListener("online", () => void flush());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void flush();
  });
  void prepare().then(flush);
}
