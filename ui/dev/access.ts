/** Invented grants, holds, reports and audit of `npm run mock`; their minutes are those of the real clock. */

import type { AuditLine, ColumnChoice, Grant, GrantOptions, HoldsReply, MyGrant } from "../src/api/types";

type Body = Record<string, unknown>;
type Refuse = (status: number, key: string, message: string) => never;

const KEEPS = ["grant.read", "retention.read"];
export const ACCESS_MAY: Record<string, string[]> = {
  commander: ["person.reveal:epidemic", "glass.break:epidemic"],
  officer: ["person.reveal:epidemic", "glass.break:epidemic"],
  owner: [...KEEPS, "grant.issue", "grant.revoke", "hold.set", "hold.lift"],
  guard: [...KEEPS, "grant.revoke", "hold.set", "hold.lift", "glass.review", "audit.read", "audit.verify"],
  auditor: [...KEEPS, "glass.review", "audit.read", "audit.verify"],
};
export const ACCESS_PEOPLE = {
  owner: { name: "何敏", roles: ["data_owner"], team: null },
  guard: { name: "林涛", roles: ["security_officer"], team: null },
  auditor: { name: "孙岚", roles: ["auditor"], team: null },
};

const column = (name: string, zh: string, en: string, grade = 4): ColumnChoice => ({
  column: name,
  name: { zh, en },
  grade,
});
const VAULT: ColumnChoice[] = [
  column("name", "姓名", "name"),
  column("id_type", "证件类型", "kind of document"),
  column("id_no", "证件号码", "document number"),
  column("phone", "手机号", "phone"),
  column("address", "住址", "address"),
  column("declared_origin", "申报来源地", "declared origin"),
];
const STAYS = [column("pid", "人员假名", "pseudonym"), column("area_code", "区县代码", "county code")];
const PERSON: Record<string, string> = {
  name: "（模拟）周某",
  id_type: "居民身份证",
  id_no: "000000000000000000",
  phone: "00000000000",
  address: "（模拟）示例路 1 号",
};
const EVENT = { emergency_id: "em-1", scene: "epidemic", disease: "covid-19", in_force: true };

export class AccessWorld {
  private readonly grants = new Map<string, Grant>();
  private readonly holds: HoldsReply["holds"][number][] = [];
  private readonly lines: AuditLine[] = [];
  private unmasked = 0;

  constructor(private readonly refuse: Refuse) {
    const now = this.nowMin();
    this.put({ grant_id: "g1", grantee: "scene:epidemic", dataset: "stays", columns: STAYS, until_min: now + 43_200 });
    this.put({ grant_id: "g2", grantee: "officer", columns: VAULT.slice(0, 4), until_min: now + 40 });
    this.put({ grant_id: "g3", grantee: "field", columns: VAULT.slice(0, 1), until_min: now - 900, live: false });
    this.put({
      grant_id: "g4",
      grantee: "commander",
      glass: true,
      from_min: now - 400,
      until_min: now - 385,
      live: false,
    });
    this.tell("GrantIssued", "签发授权", "Grant given", "owner", { grantee: "officer", columns: ["name", "phone"] });
    this.tell("Unmasked", "查看个人信息", "Persons unmasked", "officer", {
      persons: 3,
      columns: ["name"],
      purpose: "trace",
    });
    this.tell("LookUpDenied", "查看被拒", "Look-up denied", "field", { why: "model.grant_over", persons: 1 });
  }

  private nowMin(): number {
    return Math.floor(Date.now() / 60_000);
  }

  private clock(): { now: string; now_min: number } {
    return { now: new Date().toISOString(), now_min: this.nowMin() };
  }

  private tell(kind: string, zh: string, en: string, by: string, what: AuditLine["what"]): void {
    this.lines.unshift({ seq: this.lines.length + 1, at_min: this.nowMin(), kind, title: { zh, en }, by, what });
  }

  private put(some: Partial<Grant>): Grant {
    const glass = some.glass ?? false;
    const vault = (some.dataset ?? "vault") === "vault";
    const grant: Grant = {
      grant_id: `g${this.grants.size + 1}`,
      grantee: "officer",
      dataset: "vault",
      dataset_name: vault
        ? { zh: "保险库（姓名、证件等个人信息）", en: "vault" }
        : { zh: "停留记录", en: "stays of persons" },
      columns: VAULT,
      purposes: [vault ? "trace" : "warn"],
      scene: "epidemic",
      from_min: this.nowMin() - 1500,
      until_min: this.nowMin() + 900,
      live: true,
      issued_by: glass ? (some.grantee ?? "") : "owner",
      approved_by: glass ? null : "guard",
      reason: "G1 次密接流调，依据省疾控 2022-10-20 通知",
      emergency_id: vault ? null : "em-1",
      glass,
      revoked_min: null,
      revoked_by: null,
      review_due_min: glass ? (some.from_min ?? this.nowMin()) + 1440 : null,
      reviewed_min: null,
      reviewed_by: null,
      justified: null,
      note: null,
      looked_at: glass
        ? [{ seq: 2, at_min: (some.from_min ?? 0) + 2, about: "G1 2022-10-20", columns: VAULT.slice(0, 4), persons: 2 }]
        : [],
      ...some,
    };
    this.grants.set(grant.grant_id, grant);
    return grant;
  }

  private options(): GrantOptions {
    const people = [
      { id: "officer", name: "李伟", unmasks: true },
      { id: "field", name: "王芳", unmasks: true },
      { id: "analyst", name: "周宁", unmasks: false },
    ];
    const purposes = {
      warn: ["预警", "warning"],
      trace: ["流调溯源", "contact tracing"],
      transfer: ["转运", "transfer"],
    };
    return {
      datasets: [
        { dataset: "vault", name: { zh: "保险库（姓名、证件等个人信息）", en: "vault" }, columns: VAULT },
        { dataset: "stays", name: { zh: "停留记录", en: "stays of persons" }, columns: STAYS },
      ],
      purposes: Object.entries(purposes).map(([purpose, [zh = "", en = ""]]) => ({
        purpose: purpose as Grant["purposes"][number],
        name: { zh, en },
      })),
      scenes: [{ scene: "epidemic", grantee: "scene:epidemic", people }],
      emergencies: [{ ...EVENT, begins_min: this.nowMin() - 9000, ends_min: this.nowMin() + 30_000 }],
      longest_days: 90,
    };
  }

  private heldBy(user: string): MyGrant[] {
    return [...this.grants.values()]
      .filter((one) => one.grantee === user && one.live && one.until_min > this.nowMin())
      .map((one) => ({ ...one, columns: one.columns.map((each) => each.column) }));
  }

  private reveal(user: string, body: Body): unknown {
    if (body["break_glass"])
      this.put({
        grantee: user,
        glass: true,
        from_min: this.nowMin(),
        until_min: this.nowMin() + 15,
        reason: String(body["reason"]),
      });
    const fields = body["fields"] as string[];
    if (!this.heldBy(user).some((one) => fields.every((field) => one.columns.includes(field))))
      this.refuse(403, "model.no_grant", "没有有效的授权。");
    this.unmasked += 1;
    if (this.unmasked > 3 && !body["second"]) this.refuse(403, "library.two_people", "人数超过单人可看的 20 人。");
    this.tell("Unmasked", "查看个人信息", "Persons unmasked", user, { persons: 1, columns: fields });
    const told = Object.fromEntries(fields.flatMap((name) => (PERSON[name] ? [[name, PERSON[name]]] : [])));
    return { persons: [{ pid: (body["pids"] as string[])[0], fields: told }], audit_seq: this.lines.length };
  }

  /** Answers what is about access; undefined is: not mine. */
  answer(method: string, path: string, user: string, body: Body): unknown {
    const [, kind, id, action] = path.split("/");
    if (path === "/reveal") return this.reveal(user, body);
    if (path === "/grants/mine") return { ...this.clock(), grants: this.heldBy(user), fields: VAULT };
    if (path === "/grants/options") return this.options();
    if (kind === "grants" && action) {
      const found = this.grants.get(id ?? "") ?? this.refuse(404, "stores.no_grant", "没有这项授权。");
      const done = { revoked_min: this.nowMin(), revoked_by: user, live: false };
      const seen = {
        review_due_min: null,
        reviewed_min: this.nowMin(),
        reviewed_by: user,
        justified: body["justified"] === true,
      };
      return this.put({ ...found, ...(action === "revoke" ? done : seen) });
    }
    if (path === "/grants" && method === "POST") {
      const names = body["columns"] as string[];
      const columns = [...VAULT, ...STAYS].filter((one) => names.includes(one.column));
      const until_min = this.nowMin() + Number(body["days"] ?? 1) * 1440;
      return this.put({ grantee: String(body["grantee"]), columns, until_min, reason: String(body["reason"]) });
    }
    if (path === "/grants") return { ...this.clock(), grants: [...this.grants.values()], left_out: 0 };
    if (kind === "holds") {
      if (action) this.holds.length = 0;
      else if (method === "POST")
        this.holds.push({
          hold_id: "h1",
          emergency_id: "em-1",
          reason: String(body["reason"]),
          set_by: user,
          set_min: this.nowMin(),
        });
      return { ...this.clock(), holds: this.holds, emergencies: this.options().emergencies };
    }
    if (path === "/reports") return { reports: REPORTS, left_out: 0, public_key: "a0".repeat(32) };
    if (path === "/audit/verify")
      return { at_min: this.nowMin(), whole: true, rows: this.lines.length, last_seq: this.lines.length, problems: [] };
    return path === "/audit" ? { ...this.clock(), entries: this.lines, next: null } : undefined;
  }
}

const REPORTS = [
  {
    report_id: "r2",
    kind: "nightly_deletion",
    title: { zh: "每夜删除报告", en: "Nightly deletion" },
    at: "2022-10-20T18:30Z",
    verified: true,
    problem: null,
    text: "每夜删除报告\n编号：r2　枢纽：hangzhou-east　时间：2022-10-20T18:30Z\n\n到期删除的记录：接触者记录 3",
  },
  {
    report_id: "r1",
    kind: "nightly_deletion",
    title: { zh: "每夜删除报告", en: "Nightly deletion" },
    at: "2022-10-19T18:30Z",
    verified: false,
    problem: "报告内容与签名不符，已被改动；请勿采信，并向枢纽索取原件。",
    text: null,
  },
];
