/** The loop of the invented server beside its moves: steps, proposals, appeals, overflow, sources, the replay's clock. */

import type { Appeal, Case, CaseStep, EmergencyReply, Proposal, Source } from "../src/api/types";
import type { World } from "./world.ts";

export type Body = Record<string, unknown>;
const SIX: CaseStep["step"][] = ["report", "antigen", "review", "nucleic", "transfer", "feedback"];
const REACHED: Record<Case["state"], number> = {
  found: 0,
  reported: 1,
  antigen: 1,
  review: 2,
  nucleic: 3,
  transfer: 4,
  under_way: 4,
  feedback: 5,
  closed: 6,
  refused: 1,
  follow_up: 1,
};
const RESULTS = ["reported", "negative", "to_nucleic", "positive", "arrived", "told"];
const appeals = new Map<string, Appeal & { case_id: string }>();

function row(step: CaseStep["step"], some: Partial<CaseStep>): CaseStep {
  return {
    step,
    standing: "ahead",
    attempt: 1,
    owner: null,
    started_min: null,
    finished_min: null,
    result: null,
    next: null,
    deadline_min: null,
    transfer: null,
    ...some,
  };
}

export function stepsOf(one: Case): CaseStep[] {
  const reached = REACHED[one.state];
  const rows = SIX.map((step, index) => {
    const started_min = one.opened_min + index * 9;
    if (index > reached) return row(step, {});
    if (index === reached) {
      const left = one.state === "under_way";
      const transfer = { vehicle: "浙A·D7721", receiving_site: "上城 3 号接收点", signature_out: "S-1182" };
      return row(step, {
        standing: "now",
        owner: one.owner,
        started_min: one.since_min,
        deadline_min: one.deadline_min,
        transfer: left ? { ...transfer, signature_in: null, left_min: one.since_min + 4, arrived_min: null } : null,
      });
    }
    const late = index === 1;
    return row(step, {
      standing: "done",
      owner: ["li.wei", "wang.fang", "zhao.min"][index % 3]!,
      started_min,
      finished_min: started_min + 9,
      deadline_min: started_min + (late ? 5 : 30),
      result: RESULTS[index]!,
      next: SIX[index + 1] ?? "closed",
    });
  });
  const beside = one.state === "refused" ? "refusal" : one.state === "follow_up" ? "follow_up" : null;
  if (beside !== null) {
    rows[1] = row("antigen", {
      standing: "done",
      owner: "li.wei",
      started_min: one.opened_min + 9,
      finished_min: one.since_min,
      deadline_min: one.opened_min + 24,
      result: beside === "refusal" ? "refused" : "let_go",
      next: beside,
    });
    const now = { standing: "now" as const, owner: one.owner, started_min: one.since_min };
    rows.splice(2, 0, row(beside, { ...now, deadline_min: one.deadline_min }));
  }
  return rows;
}

export function proposalsOf(one: Case, nowMin: number): Proposal[] {
  if (one.state !== "antigen" && one.state !== "nucleic") return [];
  const antigen = one.state === "antigen";
  return [
    {
      command: antigen ? "antigen_result" : "nucleic_negative",
      kind: antigen ? "antigen" : "nucleic",
      ref: `LAB-2022-10-20-${one.pid.slice(0, 4)}`,
      values: { result: "negative" },
      at_min: nowMin - 2,
    },
  ];
}

export function evidenceOf(one: Case): unknown[] {
  const values = {
    exit_id: "N1",
    gate_id: "N1-G07",
    lane: 7,
    at_min: one.opened_min,
    desk: false,
    origin: "high_risk",
    rule_id: "listed county",
    version: "2022-10",
    measures: ["temperature", "codes", "register", "antigen", "nucleic", "handover"],
    reasons_zh: ["申报来自有高风险区的县（市、区）", "最近一次核酸采样在 61 小时前，超过 48 小时"],
    reasons_en: [
      "Declared to come from a county with a high-risk area",
      "The last nucleic-acid specimen is 61 hours old, over 48 hours",
    ],
    level: null,
  };
  const found = { kind: "finding", ref: "gate N1-G07 2022-10-20T00:42Z", values, at_min: one.opened_min, by: "system" };
  const scan = { health_code: "green", itinerary_code: "yellow", test_age_h: 61 };
  const more = { kind: "scan", ref: "SC-88213", values: scan, at_min: one.opened_min + 7, by: "li.wei" };
  return one.state === "found" ? [found] : [found, more];
}

export function appealsOf(one: Case, user: string): Appeal[] {
  return [...appeals.values()]
    .filter((each) => each.case_id === one.case_id)
    .map((each) => ({
      ...each,
      may_decide: each.upheld === null && each.lodged_by !== user && (user === "commander" || user === "officer"),
    }));
}

export function sourcesOf(world: World): Source[] {
  const now = world.nowMin();
  const one = (name: string, zh: string, en: string, some: Partial<Source>): Source => ({
    name,
    title: { zh, en },
    cadence_s: 60,
    last_read_min: now,
    last_row_min: now,
    rows: 0,
    state: "live",
    error_key: null,
    error: null,
    until_min: null,
    contact: null,
    datasets: [],
    decisions: [],
    ...some,
  });
  const refused = {
    zh: "订票系统拒绝了凭据（401）。请更新令牌。",
    en: "The bookings refuse the token (401). Renew it.",
  };
  return [
    one("gates", "出口核验", "gate screening", { rows: 48_210 }),
    one("lanes", "通道计数", "lane counters", {
      rows: 9_120,
      last_read_min: now - 7,
      last_row_min: now - 7,
      state: "late",
    }),
    one("risk-areas", "风险区", "risk areas", { rows: 26_585, cadence_s: 86_400, last_row_min: now - 700 }),
    one("bookings", "订票", "bookings", {
      rows: 1_204,
      cadence_s: 300,
      last_read_min: now - 31,
      last_row_min: now - 31,
      state: "failed",
      error_key: "connectors.common.http_denied",
      error: refused,
    }),
    one("results", "检测结果", "test results", { last_read_min: null, last_row_min: null, state: "off" }),
  ];
}

/** What became of the data of the last event, once it is over. */
export function fateOf(world: World): Pick<EmergencyReply, "certificate" | "kept_because"> {
  if (world.emergencyInForce) return { certificate: null, kept_because: null };
  const zh =
    "个人信息销毁证明\n编号：R-0007　枢纽：hangzhou-east\n销毁主体密钥 61 个，删除数据行 1 204 行。\n签名公钥（Ed25519）：7f3a…";
  const en =
    "Certificate of destruction\nNo.: R-0007   Hub: hangzhou-east\n61 keys of persons destroyed, 1 204 rows deleted.\nEd25519 key: 7f3a…";
  return { certificate: { zh, en }, kept_because: null };
}

/** Answers what is of the loop; undefined where it is not. `refuse` throws. */
export function answerLoop(
  world: World,
  user: string,
  path: string,
  body: Body,
  refuse: (status: number, key: string, message: string) => never,
): { board: true } | { caseId: string } | { clock: true } | undefined {
  const [, kind, id, action] = path.split("/");
  if (path === "/clock") {
    world.pace(Number(body["speed"]));
    return { clock: true };
  }
  if (path === "/overflow") {
    const place = String(body["place"]);
    const since_min = world.nowMin();
    world.overflow = [
      ...world.overflow,
      { overflow_id: `o-${place}`, place, since_min, begun_by: user, reason: String(body["reason"]) },
    ];
    world.overflowProposals = world.overflowProposals.filter((one) => one.place !== place);
    return { board: true };
  }
  if (kind === "overflow" && action === "end") {
    world.overflow = world.overflow.filter((one) => one.overflow_id !== decodeURIComponent(id!));
    return { board: true };
  }
  if (kind === "cases" && action === "appeals") {
    const now = world.nowMin();
    const ground = String(body["ground"]);
    const key = `${id}/${ground}`;
    const undecided = { upheld: null, decided_by: null, decided_min: null, ref: null, note: null, may_decide: false };
    const told = { appeal_id: key, ground, lodged_by: user, lodged_min: now, deadline_min: now + 120 };
    appeals.set(key, { ...told, ...undecided, case_id: id! });
    world.tell("AppealLodged", id!, user, {});
    return { caseId: id! };
  }
  if (kind === "appeals") {
    const found = appeals.get(decodeURIComponent(id!));
    if (!found) return refuse(404, "web.no_appeal", "没有这个申诉。");
    if (found.lodged_by === user) return refuse(403, "flow.own_appeal", "不能裁定自己提交的申诉。");
    const said = {
      upheld: body["upheld"] === true,
      ref: String(body["ref"]),
      note: String(body["note"] ?? "") || null,
    };
    appeals.set(found.appeal_id, { ...found, ...said, decided_by: user, decided_min: world.nowMin() });
    world.tell("AppealDecided", found.case_id, user, {});
    return { caseId: found.case_id };
  }
  return undefined;
}
