import { beforeEach, describe, expect, test } from "vitest";
import moves from "../dev/fixtures/moves.json";
import { ApiError } from "../src/api/client";
import type { Task } from "../src/api/types";
import { type Command, foresee, foreseeTicks, NEEDS_REASON, sendingOf, TEAM_MOVES } from "../src/field/command";
import { Lockbox } from "../src/field/lockbox";
import { fitted } from "../src/field/photo";
import { type Draft, Outbox, type Wires } from "../src/field/sender";
import { MemoryShelf } from "../src/field/shelf";

const T0 = 1_700_000_000_000;
const SECRET = btoa("s".repeat(32));
const words = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const move = (command: string, expects: number): Draft => ({ kind: "move", task: "t1", plain: { command, expects } });
const tick = (item: string, done = true): Draft => ({ kind: "tick", task: "t1", plain: { item, done } });

/** A server that counts: each key is carried out once, whatever comes how often. */
class Server {
  readonly heard: string[] = [];
  readonly done = new Map<string, string>();
  next: (path: string) => ApiError | null = () => null;
  loses = false;

  async post(path: string, body: unknown): Promise<unknown> {
    this.heard.push(path);
    const refused = this.next(path);
    if (refused) throw refused;
    const key = path.includes("?") ? path : ((body as { key: string }).key ?? "");
    this.done.set(key, path);
    if (this.loses) throw new ApiError(0, "ui.unreachable", ""); // it was carried out; the answer never came
    return { task: { task_id: "t1" } };
  }
}

let server: Server;
let shelf: MemoryShelf;
let clock: number;
let sent: Command[];

function makeOutbox(): Outbox {
  const wires: Wires = {
    post: ({ path, body }) => server.post(path, body),
    now: () => clock,
    alone: (work) => work(),
    sent: (command) => sent.push(command),
    lost: "lost",
  };
  return new Outbox(shelf, wires);
}

beforeEach(() => {
  server = new Server();
  shelf = new MemoryShelf();
  clock = T0;
  sent = [];
});

describe("what waits", () => {
  test("is sent in the order in which it was done, calls for help first and photos last, each once", async () => {
    const box = makeOutbox();
    const photo: Draft = { kind: "photo", task: "t1", content: words("jpeg") };
    for (const draft of [photo, move("accept", 0), tick("a"), move("arrive", 1), { kind: "help", task: "t1" } as Draft])
      await box.add("qian", draft, null);
    expect(await box.flush("qian", null)).toBe("done");
    const paths = server.heard.map((path) => path.split("?")[0]);
    expect(paths).toEqual(["/help", "/tasks/t1/moves", "/tasks/t1/checks", "/tasks/t1/moves", "/tasks/t1/photos"]);
    expect(sent.map((one) => one.plain.command)).toEqual([undefined, "accept", undefined, "arrive", undefined]);
    expect(await box.flush("qian", null)).toBe("done");
    expect(server.heard).toHaveLength(5);
    expect(await box.list("qian")).toEqual([]);
  });
  test("stays where there is no connection, survives the page, and says how long ago it was done", async () => {
    server.next = () => new ApiError(0, "ui.unreachable", "");
    await makeOutbox().add("qian", tick("a"), null);
    expect(await makeOutbox().flush("qian", null)).toBe("offline");
    clock += 90_000;
    const [held] = await makeOutbox().list("qian");
    expect((sendingOf(held!, null, clock).body as { age_s: number }).age_s).toBe(90);
    server.next = () => null;
    expect(await makeOutbox().flush("qian", null)).toBe("done");
    expect(server.done.size).toBe(1);
  });
  test("whose answer was lost is sent again under the same name, so that the server carries it out once", async () => {
    const box = makeOutbox();
    await box.add("qian", move("accept", 0), null);
    server.loses = true;
    expect(await box.flush("qian", null)).toBe("offline");
    server.loses = false;
    expect(await box.flush("qian", null)).toBe("done");
    expect(server.heard).toHaveLength(2);
    expect(server.done.size).toBe(1);
  });
  test("of one person is never sent by another, and is not lost by it", async () => {
    const box = makeOutbox();
    await box.add("qian", tick("a"), null);
    expect(await box.flush("zhao", null)).toBe("done");
    expect(server.heard).toEqual([]);
    expect(await box.countOthers("zhao")).toBe(1);
    expect(await box.countOthers(null)).toBe(1);
    expect(await box.flush("qian", null)).toBe("done");
    expect(server.done.size).toBe(1);
  });
  test("waits for a person to sign in again", async () => {
    const box = makeOutbox();
    await box.add("qian", tick("a"), null);
    server.next = () => new ApiError(401, "web.no_session", "");
    expect(await box.flush("qian", null)).toBe("signed_out");
    expect(await box.list("qian")).toHaveLength(1);
  });
  test("goes on in order after more was added, also by a new page whose clock stands", async () => {
    await makeOutbox().add("qian", tick("a"), null);
    await makeOutbox().list("qian");
    const box = makeOutbox();
    await box.list("qian");
    await box.add("qian", tick("b"), null);
    expect((await box.list("qian")).map((one) => one.plain.item)).toEqual(["a", "b"]);
  });
});

describe("a call for help", () => {
  const help: Draft = { kind: "help", task: "", plain: { place: "P1" }, content: words("120.2,30.3") };
  test("goes without its position where that cannot be opened", async () => {
    const told: unknown[] = [];
    server.post = (_, body) => Promise.resolve(told.push(body));
    await makeOutbox().add("qian", help, null);
    expect(await makeOutbox().flush("qian", null)).toBe("done"); // another page: the content was in memory only
    const locked = new Lockbox(shelf, "qian");
    await locked.unlock(SECRET);
    await makeOutbox().add("qian", help, locked);
    expect(await makeOutbox().flush("qian", null)).toBe("done");
    expect(told).toMatchObject([{ place: { code: "P1" } }, { place: { code: "P1" } }]);
  });
  test("that the phone cannot keep is sent at once, and is not told as sent where that fails", async () => {
    shelf.put = () => Promise.reject(new Error("full"));
    const box = makeOutbox();
    expect(await box.sendUnkept("qian", help)).not.toBeNull();
    expect(server.heard).toEqual(["/help"]);
    server.next = () => new ApiError(0, "ui.unreachable", "");
    expect(await box.sendUnkept("qian", help)).toBeNull();
  });
});

describe("a task that was moved meanwhile", () => {
  test("stops the moves that follow, but no tick and no report; a person sends it again or lets it go", async () => {
    const box = makeOutbox();
    await box.add("qian", move("accept", 0), null);
    await box.add("qian", move("arrive", 1), null);
    await box.add("qian", tick("a"), null);
    server.next = (path) => (path.endsWith("moves") ? new ApiError(409, "model.case_moved_on", "moved") : null);
    expect(await box.flush("qian", null)).toBe("done");
    expect(server.heard).toEqual(["/tasks/t1/moves", "/tasks/t1/checks"]);
    const [first, second] = await box.list("qian");
    expect(first!.stuck).toEqual({ status: 409, message: "moved" });
    expect(second!.stuck).toBeNull();
    server.next = () => null;
    await box.retry(first!.id, 4);
    expect(await box.flush("qian", null)).toBe("done");
    expect(sent.map((one) => [one.plain.command, one.plain.expects])).toEqual([
      [undefined, undefined],
      ["accept", 4],
      ["arrive", 1],
    ]);
  });
  test("takes the moves with it that were to follow, where the person lets it go", async () => {
    const box = makeOutbox();
    await box.add("qian", move("accept", 0), null);
    await box.add("qian", move("arrive", 1), null);
    await box.add("qian", tick("a"), null);
    const [first] = await box.list("qian");
    await box.drop(first!.id);
    expect((await box.list("qian")).map((one) => one.kind)).toEqual(["tick"]);
  });
});

describe("what a person typed", () => {
  test("lies locked, is opened by that person only, and survives the page", async () => {
    const mine = new Lockbox(shelf, "qian");
    await mine.unlock(SECRET);
    await makeOutbox().add("qian", { kind: "note", task: "t1", content: words("seat 7A coughs") }, mine);
    const [held] = await shelf.list();
    expect(JSON.stringify(held)).not.toContain("7A coughs");
    expect(new TextDecoder().decode(held!.locked!.box)).not.toContain("7A coughs");
    const later = new Lockbox(shelf, "qian");
    expect(await later.open(held!.locked!)).toBeNull();
    expect(await later.lock(words("also without a connection"))).not.toBeNull();
    await later.unlock(SECRET);
    expect(new TextDecoder().decode((await later.open(held!.locked!))!)).toBe("seat 7A coughs");
    const other = new Lockbox(shelf, "zhao");
    await other.unlock(btoa("o".repeat(32)));
    expect(await other.open(held!.locked!)).toBeNull();
  });
  test("that no longer opens is said, not sent as nothing", async () => {
    const before = new Lockbox(shelf, "qian");
    await before.unlock(SECRET);
    const box = makeOutbox();
    await box.add("qian", { kind: "note", task: "t1", content: words("x") }, before);
    const after = new Lockbox(shelf, "qian");
    await after.unlock(btoa("n".repeat(32)));
    expect(await box.flush("qian", after)).toBe("done");
    expect(server.heard).toEqual([]);
    expect((await box.list("qian"))[0]!.stuck).toEqual({ status: 0, message: "lost" });
  });
  test("waits locked while nobody can open it", async () => {
    const mine = new Lockbox(shelf, "qian");
    await mine.unlock(SECRET);
    const box = makeOutbox();
    await box.add("qian", { kind: "photo", task: "t1", content: words("jpeg") }, mine);
    expect(await box.flush("qian", null)).toBe("locked");
    expect(await box.flush("qian", mine)).toBe("done");
    expect(server.heard[0]).toMatch(/^\/tasks\/t1\/photos\?key=[0-9a-f]{32}&age_s=0$/);
  });
});

describe("what the page foresees", () => {
  const task = { task_id: "t1", state: "assigned", version: 0 } as Task;
  test("is the task after everything that waits, and nothing that is stuck or was taken", async () => {
    const box = makeOutbox();
    await box.add("qian", move("accept", 0), null);
    await box.add("qian", move("arrive", 1), null);
    const all = await box.list("qian");
    expect(foresee(task, all)).toMatchObject({ state: "on_post", version: 2 });
    expect(foresee({ ...task, state: "accepted", version: 1 }, all)).toMatchObject({ state: "on_post", version: 2 });
    const refused = [{ ...all[0]!, stuck: { status: 409, message: "" } }, all[1]!];
    expect(foresee(task, refused)).toMatchObject({ state: "assigned", version: 0 });
  });
  test("is every tick in order", async () => {
    const box = makeOutbox();
    for (const draft of [tick("a"), tick("b"), tick("a", false)]) await box.add("qian", draft, null);
    expect([...foreseeTicks("t1", ["c"], await box.list("qian"))].sort()).toEqual(["b", "c"]);
  });
  test("goes by the table of the server", () => {
    const known = moves.task.filter((one) => !one.team && !["escalate", "cancel"].includes(one.command));
    const ours = Object.entries(TEAM_MOVES).flatMap(([from, to]) => Object.entries(to).map(([c, s]) => [from, c, s]));
    expect(ours.sort()).toEqual(known.map((one) => [one.from, one.command, one.to]).sort());
    for (const one of known) expect(NEEDS_REASON.has(one.command), one.command).toBe(one.reason);
  });
});

test("a photo is made to fit and never larger than it was", () => {
  expect(fitted(4000, 3000)).toEqual({ width: 1600, height: 1200 });
  expect(fitted(300, 400)).toEqual({ width: 300, height: 400 });
  expect(fitted(10_000, 1)).toEqual({ width: 1600, height: 1 });
});
