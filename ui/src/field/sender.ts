/** Sends what waits, once each and in order, when there is a connection and the right person is signed in. */

import { ApiError } from "../api/client";
import { type Command, inOrder, isBlocked, type Locked, type Sending, sendingOf } from "./command";
import type { Shelf } from "./shelf";
import { makeId } from "../logic/ids";

export interface Opener {
  lock(content: Uint8Array<ArrayBuffer>): Promise<Locked | null>;
  open(locked: Locked): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** Why sending stopped: everything went, no connection, nobody signed in, or what waits cannot be opened yet. */
export type Ended = "done" | "offline" | "signed_out" | "locked";

export interface Wires {
  post: (sending: Sending) => Promise<unknown>;
  now: () => number;
  /** Runs one sender at a time, whatever windows are open. */
  alone: (work: () => Promise<Ended>) => Promise<Ended>;
  sent: (command: Command, reply: unknown) => void;
  lost: string;
}

export interface Draft {
  kind: Command["kind"];
  task: string;
  plain?: Command["plain"];
  content?: Uint8Array<ArrayBuffer>;
}

/** Contents that could not be locked wait in this page only: closing it would lose them, and the page says so. */
const inMemory = new Map<string, Uint8Array<ArrayBuffer>>();

export class Outbox {
  private last = 0;

  constructor(
    private readonly shelf: Shelf,
    private readonly wires: Wires,
  ) {}

  /** Puts a command into the queue; it is on the disk when this returns. */
  async add(user: string, draft: Draft, box: Opener | null): Promise<Command> {
    const id = makeId();
    let locked: Locked | null = null;
    if (draft.content) {
      locked = box ? await box.lock(draft.content) : null;
      if (!locked) inMemory.set(id, draft.content);
    }
    const at = this.wires.now();
    this.last = Math.max(this.last + 1, at);
    const plain = { ...draft.plain, ...(draft.content ? { bytes: draft.content.length } : {}) };
    const command: Command = {
      id,
      seq: this.last,
      user,
      kind: draft.kind,
      task: draft.task,
      at,
      plain,
      locked,
      stuck: null,
    };
    await this.shelf.put(command);
    return command;
  }

  /** Sends what could not be kept, at once; null where that fails as well. */
  async sendUnkept(user: string, draft: Draft): Promise<string | null> {
    const [id, at] = [makeId(), this.wires.now()];
    const bare = { id, seq: at, user, kind: draft.kind, task: draft.task, at, plain: draft.plain ?? {} };
    try {
      const sending = sendingOf({ ...bare, locked: null, stuck: null }, draft.content ?? null, at);
      await this.wires.post(sending);
      return id;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return null;
    }
  }

  /** Sends one that waits, whatever else does. */
  sendOne(command: Command, box: Opener | null): Promise<Ended> {
    return this.send(command, box);
  }

  async list(user: string): Promise<Command[]> {
    const all = inOrder((await this.shelf.list()).filter((one) => one.user === user));
    this.last = Math.max(this.last, ...all.map((one) => one.seq));
    return all;
  }

  /** How many wait on this phone for somebody else: they stay until that person signs in. */
  async countOthers(user: string | null): Promise<number> {
    return (await this.shelf.list()).filter((one) => one.user !== user).length;
  }

  flush(user: string, box: Opener | null): Promise<Ended> {
    return this.wires.alone(async () => {
      for (;;) {
        const all = await this.list(user);
        const next = all.find((one) => !one.stuck && !isBlocked(one, all));
        if (!next) return "done";
        const ended = await this.send(next, box);
        if (ended !== "done") return ended;
      }
    });
  }

  /** Sends one once more: against the version that the task has now, where somebody else has moved it. */
  async retry(id: string, version: number | null): Promise<void> {
    const command = (await this.shelf.list()).find((one) => one.id === id);
    if (!command) return;
    const expects: Command["plain"] = version === null || command.kind !== "move" ? {} : { expects: version };
    // A move that was refused is a new one for the server: its old name may stand for what it refused.
    await this.shelf.remove(id);
    const again = { ...command, id: makeId(), plain: { ...command.plain, ...expects }, stuck: null };
    const held = inMemory.get(id);
    if (held) inMemory.set(again.id, held);
    inMemory.delete(id);
    await this.shelf.put(again);
  }

  /** Lets go of one on a person's word, and of the moves that were to follow it. */
  async drop(id: string): Promise<void> {
    const all = await this.shelf.list();
    const command = all.find((one) => one.id === id);
    if (!command) return;
    const follow = (one: Command): boolean =>
      command.kind === "move" && one.kind === "move" && one.task === command.task && one.seq > command.seq;
    for (const one of all)
      if (one.id === id || (one.user === command.user && follow(one))) {
        inMemory.delete(one.id);
        await this.shelf.remove(one.id);
      }
  }

  private async send(command: Command, box: Opener | null): Promise<Ended> {
    let content = inMemory.get(command.id) ?? null;
    if (command.kind === "help") {
      // Without its position, where that cannot be opened: somebody who knows that help is needed comes first.
      content ??= command.locked && box ? await box.open(command.locked) : null;
    } else if (command.locked) {
      if (!box) return "locked";
      content = await box.open(command.locked);
      if (!content) return this.stop(command, { status: 0, message: this.wires.lost });
    } else if (!content && command.plain.bytes) {
      return this.stop(command, { status: 0, message: this.wires.lost });
    }
    try {
      const reply = await this.wires.post(sendingOf(command, content, this.wires.now()));
      inMemory.delete(command.id);
      await this.shelf.remove(command.id);
      this.wires.sent(command, reply);
      return "done";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) return "signed_out";
      if (error.status === 0 || error.status === 429 || error.status >= 500) return "offline";
      return this.stop(command, { status: error.status, message: error.message });
    }
  }

  private async stop(command: Command, stuck: Command["stuck"]): Promise<Ended> {
    await this.shelf.put({ ...command, stuck });
    return "done";
  }
}
