/** A small hub in memory for `npm run mock`: recorded trains and areas, invented cases. Nothing of it is shipped. */

import { readFileSync } from "node:fs";
import type {
  Areas,
  Board,
  Case,
  CaseState,
  Happened,
  Position,
  Station,
  Task,
  TaskState,
  Train,
} from "../src/api/types";

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8")) as T;

interface CaseLine {
  command: string;
  from: CaseState;
  to: CaseState;
  needs: string[];
  clock: string | null;
  outcome: Case["outcome"];
}
interface TaskLine {
  command: string;
  from: TaskState;
  to: TaskState;
  reason: boolean;
  team: boolean;
}

export const MOVES = read<{ case: CaseLine[]; task: TaskLine[] }>("moves");
export const CLOCKS: Record<string, number> = {
  antigen_min: 15,
  antigen_result_min: 20,
  review_min: 30,
  nucleic_result_min: 240,
  transfer_min: 60,
  arrive_min: 60,
  feedback_min: 120,
  follow_up_min: 1440,
  refused_min: 30,
};
const START_MIN = 27770460;
const TEAMS = ["T01", "T02", "T03", "T04", "T05", "T06"];

export class World {
  private sinceMs = Date.now();
  private baseMs = START_MIN * 60_000;
  rev = 100;
  speed = 10;
  readonly trains: Train[];
  readonly areas: Areas;
  readonly stations: Station[];
  readonly cases = new Map<string, Case>();
  readonly tasks = new Map<string, Task>();
  readonly events: (Happened & { subject: string })[] = [];
  emergencyInForce = true;
  overflow: Board["overflow"] = [];
  overflowProposals: Board["overflow_proposals"] = [
    {
      task_id: "task-overflow",
      place: "N2",
      proposed_min: START_MIN - 4,
      deadline_min: START_MIN + 8,
      from_min: START_MIN + 14,
      until_min: START_MIN + 39,
      longest_queue: 410,
      peak_per_min: 138.5,
      capacity_per_min: 96,
    },
  ];

  constructor() {
    const recorded = read<{ trains: Train[] }>("trains");
    this.areas = { ...read<Areas>("areas"), now_min: START_MIN };
    for (const area of this.areas.features) {
      const facts = area.properties as unknown as Record<string, string>;
      Object.assign(area.properties, { name: `${facts["city"]} ${facts["county"]}`, synthetic: false });
    }
    this.stations = read<Station[]>("stations").map((one) => ({ ...one, hub: one.station_id === "HGH" }));
    this.trains = recorded.trains.map((train, index) => ({
      ...train,
      subject: `${train.train} ${train.service_date}`,
      rank: index + 1,
      times: this.timesOf(index, train),
      task_ids: [`task-${index}`],
      cases: index < 6 ? 4 : 0,
    }));
    this.trains.slice(0, 14).forEach((train, index) => this.addTask(train, index));
    for (let index = 0; index < 46; index++) this.addCase(index);
  }

  now(): number {
    return this.baseMs + (Date.now() - this.sinceMs) * this.speed;
  }

  /** From now on the clock runs at `speed`; 0 holds it. */
  pace(speed: number): void {
    this.baseMs = this.now();
    this.sinceMs = Date.now();
    this.speed = speed;
  }

  nowMin(): number {
    return Math.floor(this.now() / 60_000);
  }

  private timesOf(index: number, train: Train): Train["times"] {
    const warned = train.expected_min - 90 + (index % 5);
    const accepted = index < 9 ? warned + 6 + ((index * 7) % 11) : null;
    return {
      sensed: warned - 2,
      warned,
      dispatched: warned + 1,
      accepted,
      on_site: accepted !== null && index < 4 ? accepted + 14 + index : null,
      closed: null,
    };
  }

  private addTask(train: Train, index: number): void {
    const states: TaskState[] = ["on_post", "accepted", "assigned", "assigned", "declined", "escalated", "accepted"];
    const state = states[index % states.length]!;
    this.tasks.set(`task-${index}`, {
      task_id: `task-${index}`,
      scene: "epidemic",
      kind: "meet_train",
      subject: train.subject,
      place: train.staff?.platform ? `${train.staff.platform}` : "N1",
      team: train.staff?.team[0] ?? TEAMS[index % TEAMS.length]!,
      created_min: START_MIN - 20,
      due_min: train.expected_min - 5,
      state,
      since_min: START_MIN - 10,
      deadline_min: state === "assigned" ? START_MIN + index : train.expected_min - 5,
      reason: state === "declined" ? "busy_elsewhere" : "",
      version: 1,
      synthetic: true,
      told: {},
    });
  }

  private addCase(index: number): void {
    const states: CaseState[] = [
      "found",
      "found",
      "reported",
      "antigen",
      "antigen",
      "review",
      "nucleic",
      "nucleic",
      "transfer",
      "under_way",
      "feedback",
      "refused",
      "follow_up",
      "review",
    ];
    const state = states[index % states.length]!;
    const id = `case-${String(index).padStart(4, "0")}`;
    const one: Case = {
      case_id: id,
      scene: "epidemic",
      emergency_id: "em-1",
      pid: ((index + 1) * 2654435761).toString(16).padStart(12, "0").slice(-12),
      train: this.trains[index % 6]!.train,
      opened_min: START_MIN - 60 + index,
      state,
      since_min: START_MIN - ((index * 5) % 37),
      deadline_min: START_MIN - 6 + ((index * 13) % 70),
      owner: index % 3 === 0 ? null : ["li.wei", "wang.fang", "zhao.min"][index % 3]!,
      outcome: state === "feedback" ? "released" : null,
      version: index % 4,
      synthetic: true,
    };
    this.cases.set(id, one);
    this.tell("CaseOpened", id, "system", { train: one.train, level: "medium" }, one.opened_min);
    if (state !== "found") {
      this.tell("CaseMoved", id, "li.wei", { command: "report", from: "found", to: "reported" }, one.opened_min + 7);
    }
  }

  tell(kind: string, subject: string, by: string, payload: Record<string, unknown>, atMin = this.nowMin()): void {
    this.rev += 1;
    this.events.push({ seq: this.rev, at_min: atMin, kind, by, payload, subject });
  }

  positions(atMs = this.now()): Position[] {
    const places = new Map(this.stations.map((one) => [one.station_id, one]));
    const hub = places.get("HGH")!;
    const now = atMs / 60_000;
    return this.trains.flatMap((train) => {
      const call = train.calls.at(-1);
      const from = call && places.get(call.station_id);
      if (!call || !from || train.expected_min < now) return [];
      const part = Math.max(0, Math.min(1, (now - call.depart_min) / (train.expected_min - call.depart_min)));
      return [
        {
          subject: train.subject,
          train: train.train,
          lon: from.lon + (hub.lon - from.lon) * part,
          lat: from.lat + (hub.lat - from.lat) * part,
          bearing: (Math.atan2((hub.lon - from.lon) * 0.86, hub.lat - from.lat) * 180) / Math.PI,
          from_station: from.name,
          to_station: hub.name,
          expected_min: train.expected_min,
          level: train.level,
          key_train: train.key_train,
          inferred: true,
        },
      ];
    });
  }

  board(): Board {
    const now = this.nowMin();
    const all = [...this.cases.values()];
    const open = all.filter((one) => one.state !== "closed");
    const late = (list: { deadline_min: number | null }[]): number =>
      list.filter((one) => one.deadline_min !== null && one.deadline_min < now).length;
    const states = [...new Set(all.map((one) => one.state))];
    return {
      rev: this.rev,
      now_min: now,
      by_state: states.map((state) => {
        const these = all.filter((one) => one.state === state);
        return { state, count: these.length, overdue: late(these), next_min: these[0]?.deadline_min ?? null };
      }),
      open: open.length,
      overdue: late(open),
      tasks_open: this.tasks.size,
      tasks_late: 2,
      balance: { at_min: now - 12, entered: 61, released: 12, transferred: 3, open: open.length, difference: 0 },
      loop_times: ["warned", "dispatched", "accepted", "on_site", "closed"].map((step, index) => ({
        step,
        count: 39 - index * 8,
        p50_min: [2, 1, 7, 16, 74][index]!,
        p95_min: [3, 2, 15, 24, 190][index]!,
      })),
      overflow: this.overflow,
      overflow_proposals: this.overflowProposals,
      alarm_rate: { per_10_min: 3, band: "manageable" },
      synthetic: true,
    };
  }
}
