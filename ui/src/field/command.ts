/** What a phone wants done with a task, as it waits to be sent: in the order in which it was done, each once. */

import type { Task, TaskState } from "../api/types";

export type CommandKind = "move" | "tick" | "note" | "scan" | "photo" | "help";

/** Bytes that only the person can open who locked them; see `lockbox.ts`. */
export interface Locked {
  box: ArrayBuffer;
  by: JsonWebKey;
}

/** `plain` names nobody: a command, an item, a version, a place. What a person typed or took stands in `locked`. */
export interface Command {
  id: string;
  seq: number;
  user: string;
  kind: CommandKind;
  task: string;
  /** When it was done, by the clock of this phone: only the time since then is ever sent. */
  at: number;
  plain: Record<string, string | number | boolean>;
  locked: Locked | null;
  stuck: Stuck | null;
}

/** The server did not take it: somebody else moved the task (409), or it was refused. A person decides what to do. */
export interface Stuck {
  status: number;
  message: string;
}

export interface Sending {
  path: string;
  body: unknown;
  raw?: Blob;
}

const DAY_S = 86_400;

/** The request of a command; `content` is what was locked, opened. */
export function sendingOf(command: Command, content: Uint8Array<ArrayBuffer> | null, nowMs: number): Sending {
  const key = command.id;
  const age_s = Math.min(7 * DAY_S, Math.max(0, Math.floor((nowMs - command.at) / 1000)));
  const text = content && command.kind !== "photo" ? new TextDecoder().decode(content) : "";
  const task = `/tasks/${encodeURIComponent(command.task)}`;
  const plain = command.plain;
  switch (command.kind) {
    case "move":
      return { path: `${task}/moves`, body: { command: plain.command, reason: text, expects: plain.expects, key } };
    case "tick":
      return { path: `${task}/checks`, body: { item: plain.item, done: plain.done, key, age_s } };
    case "note":
    case "scan":
      return { path: `${task}/notes`, body: { kind: command.kind, text, key, age_s } };
    case "photo":
      return {
        path: `${task}/photos?key=${encodeURIComponent(key)}&age_s=${age_s}`,
        body: null,
        raw: new Blob(content ? [content] : [], { type: "image/jpeg" }),
      };
    case "help":
      return { path: "/help", body: { key, task: command.task, place: placeOf(text, String(plain.place ?? "")) } };
  }
}

/** A position is locked with the call: `lon,lat`; the place of the hub is plain. */
function placeOf(text: string, code: string): Record<string, string | number> {
  const [lon, lat] = text.split(",").map(Number);
  return text !== "" && Number.isFinite(lon) && Number.isFinite(lat) ? { code, lon: lon!, lat: lat! } : { code };
}

/** The moves of a team, as in `src/hubtwin/model/task.py`; a test compares them. */
export const TEAM_MOVES: Record<string, Partial<Record<string, TaskState>>> = {
  assigned: { accept: "accepted", decline: "declined" },
  escalated: { accept: "accepted" },
  accepted: { arrive: "on_post", decline: "declined", finish: "done" },
  on_post: { finish: "done" },
};
export const NEEDS_REASON = new Set(["decline"]);

/** The task as it will be once everything that waits was taken: what the buttons go by while nobody can be asked. */
export function foresee<T extends Pick<Task, "task_id" | "state" | "version">>(task: T, waiting: Iterable<Command>): T {
  let { state, version } = task;
  for (const command of waiting) {
    if (command.kind !== "move" || command.task !== task.task_id || command.stuck) continue;
    if (Number(command.plain.expects) < version) continue; // it was taken already, and the answer was read
    const next = TEAM_MOVES[state]?.[String(command.plain.command)];
    if (next === undefined) continue;
    state = next;
    version += 1;
  }
  return { ...task, state, version };
}

/** Which lines of a checklist stand ticked once everything that waits was taken. */
export function foreseeTicks(task: string, ticked: Iterable<string>, waiting: Iterable<Command>): Set<string> {
  const found = new Set(ticked);
  for (const command of waiting) {
    if (command.kind !== "tick" || command.task !== task || command.stuck) continue;
    if (command.plain.done) found.add(String(command.plain.item));
    else found.delete(String(command.plain.item));
  }
  return found;
}

/** Calls for help first, photos last: they are large, and a move must not wait for them. Else as it was done. */
export function inOrder(commands: Iterable<Command>): Command[] {
  const late = (one: Command): number => (one.kind === "help" ? 0 : one.kind === "photo" ? 2 : 1);
  return [...commands].sort((a, b) => late(a) - late(b) || a.seq - b.seq);
}

/** What must wait because something of the same task before it is stuck: a move does, a report never. */
export function isBlocked(command: Command, all: Iterable<Command>): boolean {
  if (command.kind !== "move") return false;
  for (const one of all)
    if (one.kind === "move" && one.task === command.task && one.seq < command.seq && one.stuck) return true;
  return false;
}
