/** The past of the invented server: two hours before it began, as far as its records say, and what was told since. */

import { mockMoves, mockThings } from "./things.ts";
import type { World } from "./world.ts";

const BEFORE_MS = 120 * 60_000;
const EVERY_MS = 10_000;

export interface Told {
  at_ms: number;
  topic: string;
  key: string;
  rev: number;
  at_min: number;
  kind: string;
  value: unknown;
  alarm: boolean;
}

export class MockPast {
  private readonly told: Told[] = [];
  private readonly firstMs: number;

  constructor(private readonly world: World) {
    this.firstMs = world.now() - BEFORE_MS;
  }

  keep(one: Omit<Told, "at_ms">): void {
    this.told.push({ ...one, at_ms: this.world.now() });
  }

  answer(path: string, query: URLSearchParams, live: () => Record<string, unknown>): unknown {
    const asked = (name: string): number => Number(query.get(name));
    if (path === "/past/range") return this.range();
    if (path === "/past") return this.picture(asked("at_ms"), live());
    if (path === "/past/changes") return this.changes(asked("from_ms"), asked("to_ms"));
    return undefined;
  }

  private range(): unknown {
    const marks = this.told.filter((one) => one.alarm).map((one) => ({ ...one, subject: one.key, severity: "Severe" }));
    const invented = [35, 36, 38, 70, 95].map((ago, index) => ({
      at_ms: this.firstMs + BEFORE_MS - ago * 60_000,
      kind: ["TaskEscalated", "CaseEscalated", "TaskEscalated", "LoopDiffers", "AlertRaised"][index]!,
      subject: "",
      severity: ["Severe", "Extreme", "Minor", "Moderate", "Minor"][index]!,
    }));
    return { first_ms: this.firstMs, last_ms: this.world.now(), marks: [...invented, ...marks], more: false };
  }

  private picture(atMs: number, live: Record<string, unknown>): unknown {
    const min = atMs / 60_000;
    const cases = [...this.world.cases.values()].filter((one) => one.opened_min <= min);
    const tasks = [...this.world.tasks.values()].filter((one) => one.created_min <= min);
    const board = this.world.board();
    return {
      ...live,
      at_ms: atMs,
      shown_ms: atMs,
      next_ms: atMs,
      replay: true,
      positions: { now_min: Math.floor(min), trains: this.world.positions(atMs) },
      board: { ...board, now_min: Math.floor(min), open: cases.length, overdue: 0 },
      alarms: [],
      things: mockThings(atMs),
      cases: cases.map((one) => ({ ...one, state: "found", version: 0, since_min: one.opened_min })),
      tasks,
    };
  }

  private changes(fromMs: number, toMs: number): unknown {
    const moved: unknown[] = [];
    for (let at = Math.ceil((fromMs + 1) / EVERY_MS) * EVERY_MS; at <= toMs; at += EVERY_MS)
      for (const value of this.world.positions(at))
        moved.push({ at_ms: at, topic: "position", key: value.subject, rev: 0, at_min: 0, kind: "moved", value });
    const opened = [...this.world.cases.values()]
      .map((value) => ({ value: { ...value, state: "found", version: 0 }, at_ms: value.opened_min * 60_000 }))
      .filter((one) => one.at_ms > fromMs && one.at_ms <= toMs)
      .map((one) => ({ ...one, topic: "case", key: one.value.case_id, rev: 0, at_min: 0, kind: "CaseOpened" }));
    const told = this.told.filter((one) => one.at_ms > fromMs && one.at_ms <= toMs);
    const things: unknown[] = [];
    for (let at = Math.ceil((fromMs + 1) / EVERY_MS) * EVERY_MS; at <= toMs; at += EVERY_MS)
      things.push({ at_ms: at, things: mockMoves(at), gone: [] });
    return { from_ms: fromMs, to_ms: toMs, changes: [...moved, ...opened, ...told], things, more: false };
  }
}
