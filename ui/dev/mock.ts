/** Answers /api/v1 inside the development server, so that pages can be built without the real one. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Case, Task } from "../src/api/types";
import { ACCESS_MAY, ACCESS_PEOPLE, AccessWorld } from "./access.ts";
import { answerLoop, appealsOf, evidenceOf, fateOf, proposalsOf, sourcesOf, stepsOf } from "./loop.ts";
import { MockPast } from "./past.ts";
import { mockMoves, mockSources, mockThing, mockThings } from "./things.ts";
import { mockVenue, mockWay } from "./venue.ts";
import { CLOCKS, MOVES, World } from "./world.ts";

const MAY = "alert board case hub map repairs staff task"
  .split(" ")
  .map((one) => `${one}.read:epidemic`)
  .concat(["emergency.declare:epidemic", "emergency.end:epidemic", "overflow.switch:epidemic"]);
/** What an analyst may: figures and map, no case and no train by name. */
const MAY_LOOK = ["board.read:epidemic", "hub.read", "map.read", "repairs.read"];
const PEOPLE: Record<string, { name: string; roles: string[]; team: string | null }> = {
  commander: { name: "陈静", roles: ["duty_commander"], team: null },
  officer: { name: "李伟", roles: ["scene_officer"], team: null },
  analyst: { name: "周宁", roles: ["analyst"], team: null },
  field: { name: "王芳", roles: ["field_staff"], team: "T02" },
  ...ACCESS_PEOPLE,
};

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly key: string,
    message: string,
  ) {
    super(message);
  }
}

type Body = Record<string, unknown>;

function refuse(status: number, key: string, message: string): never {
  throw new Refused(status, key, message);
}

export function mockServer(): unknown {
  const world = new World();
  const access = new AccessWorld(refuse);
  const past = new MockPast(world);
  const listeners = new Set<ServerResponse>();
  let user = "commander";
  let quiet = false;

  const send = (response: ServerResponse, type: string, data: unknown): void => {
    response.write(`event: ${type}\nid: ${world.rev}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const tellAll = (topic: string, key: string, kind: string, value: unknown): void => {
    const change = { topic, key, rev: world.rev, at_min: world.nowMin(), kind, value };
    past.keep({ ...change, alarm: false });
    for (const one of listeners) send(one, "delta", { rev: world.rev, changes: [change] });
  };
  const alarm = (kind: string, key: string, value: unknown): void => {
    world.rev += 1;
    const change = { topic: "task", key, rev: world.rev, at_min: world.nowMin(), kind, value };
    past.keep({ ...change, alarm: true });
    for (const one of listeners) send(one, "alarm", change);
  };
  setInterval(() => {
    if (quiet) return;
    for (const one of listeners) {
      send(one, "heartbeat", {
        rev: world.rev,
        now: new Date(world.now()).toISOString(),
        now_min: world.nowMin(),
        mode: "replay",
        speed: world.speed,
      });
      send(one, "delta", {
        rev: world.rev,
        changes: world
          .positions()
          .map((value) => ({ topic: "position", key: value.subject, rev: world.rev, at_min: 0, kind: "moved", value })),
        things: mockMoves(world.now()),
        gone: [],
      });
    }
  }, 2000).unref();

  const positions = () => ({ now_min: world.nowMin(), trains: world.positions() });
  const hub = () => ({
    hub_id: "hangzhou-east",
    name: { zh: "杭州东站", en: "Hangzhou East" },
    zone: "Asia/Shanghai",
    stations: ["HGH"],
    now: new Date(world.now()).toISOString(),
    now_min: world.nowMin(),
    mode: "replay",
    speed: world.speed,
    synthetic: true,
    rev: world.rev,
    exits: ["一", "二", "三"].map((zh, index) => ({
      exit_id: `N${index + 1}`,
      name: { zh: `北${zh}出口`, en: `Exit North ${index + 1}` },
      lanes: 10,
    })),
    teams: ["T01", "T02", "T03"].map((id) => ({ team_id: id, name: { zh: id, en: id }, post: "N1", size: 2 })),
  });
  const me = () => ({
    user,
    ...PEOPLE[user]!,
    scenes: ["epidemic"],
    agency: "station",
    lang: "zh",
    may: [
      ...(user === "analyst" ? MAY_LOOK : user === "field" ? MAY.filter((one) => one.includes("read")) : MAY),
      ...(ACCESS_MAY[user] ?? []),
    ],
  });
  const emergency = () => ({
    emergency: {
      emergency_id: "em-1",
      scene: "epidemic",
      disease: "covid-19",
      legal_basis: "县级以上人民政府 2022-10-01 公告",
      declared_by: "commander",
      begins_min: world.nowMin() - 9000,
      ends_min: world.nowMin() + 30000,
      ended_min: world.emergencyInForce ? null : world.nowMin() - 3,
      in_force: world.emergencyInForce,
      synthetic: true,
      data: world.emergencyInForce ? "held" : "destroyed",
    },
    ...fateOf(world),
    standing: [],
    diseases: [
      { disease: "covid-19", name: { zh: "新型冠状病毒感染", en: "COVID-19" } },
      { disease: "measles", name: { zh: "麻疹", en: "measles" } },
    ],
  });
  const list = () => ({
    now_min: world.nowMin(),
    service_date: "2022-10-20",
    service_pattern: "2016-03-03",
    synthetic: ["boarding_counts"],
    overloads: [],
    trains: world.trains.filter((one) => one.expected_min >= world.nowMin() - 10),
  });

  const picture = () => ({
    rev: world.rev,
    hub: hub(),
    emergency: emergency(),
    trains: user === "analyst" ? null : list(),
    positions: positions(),
    board: world.board(),
    alarms: [],
    things: mockThings(world.now()),
    sources: [...sourcesOf(world), ...mockSources(world.now())],
  });

  function moveCase(one: Case, body: Body): Case {
    const line = MOVES.case.find((move) => move.from === one.state && move.command === body["command"]);
    if (typeof body["expects"] === "number" && body["expects"] !== one.version)
      throw new Refused(409, "model.case_moved_on", "这一案件已有变化，请重新查看。");
    if (!line) throw new Refused(409, "model.illegal_move", "此时不能这样处置。");
    const next: Case = {
      ...one,
      state: line.to,
      since_min: world.nowMin(),
      deadline_min: line.clock ? world.nowMin() + CLOCKS[line.clock]! : null,
      owner: user,
      outcome: line.outcome ?? one.outcome,
      version: one.version + 1,
    };
    world.cases.set(one.case_id, next);
    world.tell("CaseMoved", one.case_id, user, {
      command: line.command,
      from: line.from,
      to: line.to,
      evidence: body["evidence"],
    });
    tellAll("case", one.case_id, "CaseMoved", next);
    return next;
  }

  function moveTask(one: Task, body: Body): Task {
    const line = MOVES.task.find((move) => move.from === one.state && move.command === body["command"]);
    if (!line) throw new Refused(409, "model.illegal_move", "此时不能这样处置。");
    const reason = String(body["reason"] ?? "");
    const next = { ...one, state: line.to, since_min: world.nowMin(), reason, version: one.version + 1 };
    world.tasks.set(one.task_id, next);
    world.tell("Task", one.task_id, user, { command: line.command, reason });
    tellAll("task", one.task_id, "Task", next);
    return next;
  }

  function caseFile(id: string): unknown {
    const one = world.cases.get(id);
    if (!one) throw new Refused(404, "web.absent", "没有这个案件。");
    return {
      case: one,
      timeline: world.events.filter((event) => event.subject === id),
      evidence: evidenceOf(one),
      steps: stepsOf(one),
      proposals: proposalsOf(one, world.nowMin()),
      appeals: appealsOf(one, user),
      moves: MOVES.case
        .filter((move) => move.from === one.state)
        .map((move) => ({
          command: move.command,
          to_state: move.to,
          needs: move.needs,
          clock: move.clock,
          clock_min: move.clock && CLOCKS[move.clock],
          label: { zh: move.command, en: move.command },
        })),
      times: world.trains.find((train) => train.train === one.train)?.times ?? {},
    };
  }

  function taskFile(id: string): unknown {
    const task = world.tasks.get(id);
    if (!task) throw new Refused(404, "web.absent", "没有这个任务。");
    const moves = MOVES.task
      .filter((move) => move.from === task.state && move.command !== "escalate")
      .map((move) => ({ ...move, to_state: move.to, label: { zh: move.command, en: move.command } }));
    return { task, timeline: [], moves };
  }

  function venueOf(part: string | undefined, query: URLSearchParams): unknown {
    if (part !== "way") return mockVenue;
    const way = mockWay(query.get("from") ?? "", query.get("to") ?? "", query.get("step_free") === "true");
    return way ?? refuse(404, "web.absent", "没有这个地点。");
  }

  function answer(method: string, path: string, query: URLSearchParams, body: Body): unknown {
    const [, kind, id, action] = path.split("/");
    const loop = method === "POST" && answerLoop(world, user, path, body, refuse);
    if (loop) return "caseId" in loop ? caseFile(loop.caseId) : "board" in loop ? world.board() : hub();
    if (path === "/sources")
      return { now_min: world.nowMin(), sources: [...sourcesOf(world), ...mockSources(world.now())] };
    if (kind === "venue") return venueOf(id, query);
    if (kind === "things" && id)
      return mockThing(decodeURIComponent(id), world.now()) ?? refuse(404, "web.absent", "没有这个对象。");
    if (path === "/session" && method === "POST") {
      if (!PEOPLE[String(body["user"])]) throw new Refused(401, "web.bad_password", "用户名或密码不对。");
      user = String(body["user"]);
      return me();
    }
    if (path === "/session") return undefined;
    if (path === "/me") return me();
    if (path === "/hub") return hub();
    if (path === "/emergency" && method === "POST") world.emergencyInForce = true;
    if (path === "/emergency/end") world.emergencyInForce = false;
    if (kind === "emergency") return emergency();
    const then = past.answer(path, query, picture);
    if (then !== undefined) return then;
    const told = access.answer(method, path, user, body);
    if (told !== undefined) return told;
    if (path === "/trains") return list();
    if (path === "/areas") return world.areas;
    if (path === "/stations") return world.stations;
    if (path === "/positions") return positions();
    if (path === "/board") return world.board();
    if (path === "/repairs") return { now_min: world.nowMin(), repairs: REPAIRS };
    if (kind === "cases" && id && action)
      return { ...(caseFile(moveCase(world.cases.get(id)!, body).case_id) as object) };
    if (kind === "cases" && id) return caseFile(id);
    if (kind === "cases")
      return { rev: world.rev, total: world.cases.size, cases: [...world.cases.values()], next: null };
    if (kind === "tasks" && id && action) return taskFile(moveTask(world.tasks.get(id)!, body).task_id);
    if (kind === "tasks" && id) return taskFile(id);
    if (kind === "tasks") {
      const mine = query.get("mine") === "true";
      const tasks = [...world.tasks.values()].filter((one) => !mine || one.team === PEOPLE[user]!.team);
      return { rev: world.rev, total: tasks.length, tasks, next: null };
    }
    if (path === "/mock/alarm") return alarm("TaskEscalated", "task-5", world.tasks.get("task-5"));
    if (path === "/mock/quiet") return (quiet = !quiet);
    throw new Refused(404, "web.absent", "没有这个地址。");
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://mock");
    if (url.pathname === "/live") {
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      listeners.add(response);
      request.on("close", () => listeners.delete(response));
      send(response, "snapshot", picture());
      return;
    }
    let text = "";
    for await (const part of request) text += String(part);
    response.setHeader("Content-Type", "application/json");
    try {
      const reply = answer(
        request.method ?? "GET",
        url.pathname,
        url.searchParams,
        text ? (JSON.parse(text) as Body) : {},
      );
      response.statusCode = reply === undefined ? 204 : 200;
      response.end(reply === undefined ? "" : JSON.stringify(reply));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      response.statusCode = error.status;
      response.end(JSON.stringify({ key: error.key, message: error.message }));
    }
  }

  type Server = { middlewares: { use: (path: string, act: typeof handle) => void } };
  // What these hooks return would be called later: they return nothing.
  const use = (server: Server): void => {
    server.middlewares.use("/api/v1", handle);
  };
  return { name: "mock-server", configureServer: use, configurePreviewServer: use };
}

const REPAIRS = [
  {
    key: "source/running_information",
    kind: "source_silent",
    title: { zh: "列车运行信息中断", en: "Running information is silent" },
    detail: { zh: "12 分钟没有消息；检查专线与令牌。", en: "Nothing for 12 minutes; check the line and the token." },
    since_min: 27770448,
    count: 1,
  },
  {
    key: "quarantine/bookings",
    kind: "quarantine",
    title: { zh: "3 行订票数据被隔离", en: "3 rows of bookings are in quarantine" },
    detail: { zh: "座位格式不符；更正后重新导入。", en: "Seats in an unknown form; mend them and import again." },
    since_min: 27770401,
    count: 3,
  },
];
