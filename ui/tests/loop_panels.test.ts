// @vitest-environment happy-dom
import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Appeal, Board, CaseFile, CaseMove, CaseStep, EmergencyReply, Hub, Me } from "../src/api/types";
import { i18n, loadTexts } from "../src/i18n";
import AppealPanel from "../src/parts/AppealPanel.vue";
import DataFate from "../src/parts/DataFate.vue";
import MovePanel from "../src/parts/MovePanel.vue";
import OverflowPanel from "../src/parts/OverflowPanel.vue";
import HubPace from "../src/parts/HubPace.vue";
import StepTable from "../src/parts/StepTable.vue";
import { board, hub, syncClock, tickClock } from "../src/state/desk";
import { lang } from "../src/state/prefs";
import { me } from "../src/state/session";
import { aCase } from "./make";

await Promise.all([loadTexts("zh"), loadTexts("en")]);

const NONE = { sensed: null, warned: null, dispatched: null, accepted: null, on_site: null, closed: null };
const file = (some: Partial<CaseFile>): CaseFile => ({
  case: aCase({ state: "antigen", version: 3 }),
  timeline: [],
  evidence: [],
  moves: [],
  times: NONE,
  steps: [],
  proposals: [],
  appeals: [],
  ...some,
});
const appeal = (some: Partial<Appeal>): Appeal => ({
  appeal_id: "a1",
  ground: "form 1",
  lodged_by: "field",
  lodged_min: 10,
  deadline_min: 130,
  upheld: null,
  decided_by: null,
  decided_min: null,
  ref: null,
  note: null,
  may_decide: true,
  ...some,
});
const globals = { global: { plugins: [i18n] } };

function answer(status: number, body: unknown) {
  const asked = vi.fn((_url: string, _how: RequestInit) =>
    Promise.resolve(new Response(JSON.stringify(body), { status })),
  );
  vi.stubGlobal("fetch", asked);
  return asked;
}
const sent = (asked: ReturnType<typeof answer>) => ({
  url: asked.mock.calls[0]![0],
  body: JSON.parse(String(asked.mock.calls[0]![1].body)) as unknown,
});

beforeEach(() => {
  lang.value = "en";
  me.value = { user: "boss", may: ["overflow.switch:epidemic"], roles: [] } as unknown as Me;
  hub.value = {
    zone: "UTC",
    mode: "replay",
    speed: 60,
    exits: ["N1", "N2"].map((exit_id) => ({ exit_id, name: { zh: exit_id, en: `Exit ${exit_id}` }, lanes: 4 })),
  } as unknown as Hub;
  syncClock(new Date(20 * 60_000).toISOString(), 0);
  tickClock();
});
afterEach(() => {
  vi.unstubAllGlobals();
  me.value = null;
  board.value = hub.value = null;
});

describe("what the system proposes", () => {
  const ENTER: CaseMove = {
    command: "antigen_result",
    to_state: "review",
    needs: ["antigen"],
    clock: "review_min",
    clock_min: 30,
    label: { zh: "", en: "" },
  };
  const idea = {
    command: "antigen_result",
    kind: "antigen",
    ref: "LAB-9",
    values: { result: "negative" },
    at_min: 12,
  };
  test("is filled into the form, and sent only when a person confirms it", async () => {
    const asked = answer(200, file({ case: aCase({ state: "review", version: 4 }) }));
    const panel = mount(MovePanel, {
      props: { file: file({ moves: [ENTER], proposals: [idea] }), movedOn: false },
      ...globals,
    });
    expect(panel.text()).toContain("Enter antigen result: negative");
    expect(panel.text()).toContain("on LAB-9");
    expect(asked).not.toHaveBeenCalled();
    await panel.get(".proposal .btn").trigger("click");
    expect((panel.get("input[name='antigen.ref']").element as HTMLInputElement).value).toBe("LAB-9");
    expect((panel.get("select").element as HTMLSelectElement).value).toBe("negative");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent(asked).body).toEqual({
      command: "antigen_result",
      evidence: [{ kind: "antigen", ref: "LAB-9", values: { result: "negative" } }],
      expects: 3,
    });
  });
  test("is only told to those who may not decide", () => {
    const panel = mount(MovePanel, { props: { file: file({ proposals: [idea] }), movedOn: false }, ...globals });
    expect(panel.text()).toContain("somebody who may decides");
    expect(panel.find(".proposal .btn").exists()).toBe(false);
  });
});

describe("an appeal", () => {
  test("of one's own is left to somebody else", () => {
    const panel = mount(AppealPanel, {
      props: { file: file({ appeals: [appeal({ lodged_by: "boss", may_decide: false })] }) },
      ...globals,
    });
    expect(panel.text()).toContain("You lodged it: somebody else decides.");
    expect(panel.find("li .btn").exists()).toBe(false);
  });
  test("is decided with a reference, after reading what follows", async () => {
    const asked = answer(200, file({ appeals: [appeal({ upheld: false, decided_by: "boss", decided_min: 20 })] }));
    const panel = mount(AppealPanel, { props: { file: file({ appeals: [appeal({})] }) }, ...globals });
    await panel.get("li .btn").trigger("click");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await panel.findAll("input[type=radio]")[1]!.setValue();
    expect(panel.text()).toContain("the case goes on");
    await panel.get("input[name='appeal.ref']").setValue(" D-1 ");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent(asked)).toEqual({
      url: "/api/v1/appeals/a1/decision",
      body: { upheld: false, ref: "D-1", note: "" },
    });
    expect(panel.emitted("changed")).toHaveLength(1);
  });
  test("is lodged by a reference, and says when it is due", async () => {
    const asked = answer(200, file({ appeals: [appeal({ ground: "F-2" })] }));
    const panel = mount(AppealPanel, { props: { file: file({}) }, ...globals });
    await panel.get("header .btn").trigger("click");
    await panel.get("input[name='appeal.ground']").setValue("F-2");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent(asked)).toEqual({ url: "/api/v1/cases/c/appeals", body: { ground: "F-2" } });
    expect(panel.text()).toContain("to be decided by 02:10");
  });
});

describe("overflow", () => {
  const idea = {
    task_id: "t",
    place: "N2",
    proposed_min: 1,
    deadline_min: 25,
    from_min: 30,
    until_min: 50,
    longest_queue: 410,
    peak_per_min: 138.5,
    capacity_per_min: 96,
  };
  const some = (told: Partial<Board>): Board => ({ overflow: [], overflow_proposals: [], ...told }) as unknown as Board;
  test("is proposed with its figures and begun only by a person with a reason", async () => {
    board.value = some({ overflow_proposals: [idea] });
    const asked = answer(200, some({}));
    const panel = mount(OverflowPanel, globals);
    for (const said of ["Exit N2", "00:30", "00:50", "410", "138.5", "96"]) expect(panel.text()).toContain(said);
    await panel.get("li.proposal .btn").trigger("click");
    expect((panel.get("select").element as HTMLSelectElement).value).toBe("N2");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await panel.get("input[name='overflow.reason']").setValue("lanes are full");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent(asked)).toEqual({ url: "/api/v1/overflow", body: { place: "N2", reason: "lanes are full" } });
    expect(panel.find("form").exists()).toBe(false);
  });
  test("is ended after saying what that means", async () => {
    board.value = some({
      overflow: [{ overflow_id: "o1", place: "N1", since_min: 5, begun_by: "boss", reason: "full" }],
    });
    const asked = answer(200, some({}));
    const panel = mount(OverflowPanel, globals);
    expect(panel.text()).toContain("since 00:05 · boss");
    await panel.get("li .btn").trigger("click");
    expect(asked).not.toHaveBeenCalled();
    await panel.get("li .btn.primary").trigger("click");
    await flushPromises();
    expect(sent(asked).url).toBe("/api/v1/overflow/o1/end");
  });
  test("is shown without a switch to those who may not use it", () => {
    me.value = { user: "x", may: [], roles: [] } as unknown as Me;
    board.value = some({ overflow_proposals: [idea] });
    const panel = mount(OverflowPanel, globals);
    expect(panel.find(".btn").exists()).toBe(false);
    expect(panel.text()).toContain("Begun and ended by");
  });
});

describe("the step table", () => {
  const row = (some: Partial<CaseStep>): CaseStep => ({
    step: "report",
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
  });
  test("says who, from when, until when, how late, with what result, and what is not reached yet", () => {
    const steps = [
      row({
        standing: "done",
        owner: "li",
        started_min: 1,
        finished_min: 9,
        deadline_min: 5,
        result: "reported",
        next: "antigen",
      }),
      row({ step: "antigen", attempt: 2, standing: "now", owner: "wang", started_min: 9, deadline_min: 40 }),
      row({ step: "review" }),
    ];
    const text = mount(StepTable, { props: { steps }, ...globals }).text();
    for (const said of ["li", "00:01", "00:09", "4 min late", "reported", "attempt 2", "wang", "20 min", "ahead"])
      expect(text).toContain(said);
  });
  test("shows a transfer that has left and not arrived with its clock", () => {
    const transfer = {
      vehicle: "A-1",
      receiving_site: "site",
      signature_out: "S",
      signature_in: null,
      left_min: 12,
      arrived_min: null,
    };
    const steps = [row({ step: "transfer", standing: "now", started_min: 10, deadline_min: 15, transfer })];
    const text = mount(StepTable, { props: { steps }, ...globals }).text();
    for (const said of ["left 00:12, not arrived", "5 min late", "A-1", "not signed"]) expect(text).toContain(said);
  });
});

describe("the data of an event that is over", () => {
  const over = (id: string) => ({ emergency_id: id, disease: "flu", ended_min: 5, ends_min: 90, data: "standing" });
  const reply = (some: object): EmergencyReply =>
    ({
      emergency: over("e1"),
      diseases: [{ disease: "flu", name: { zh: "流感", en: "Influenza" } }],
      certificate: null,
      kept_because: null,
      standing: [],
      ...some,
    }) as unknown as EmergencyReply;
  test("were destroyed: the certificate is shown in the reader's language", () => {
    const told = { emergency: { ...over("e1"), data: "destroyed" }, certificate: { zh: "证明", en: "Certified" } };
    const page = mount(DataFate, { props: { reply: reply(told) }, ...globals });
    expect(page.get("pre").text()).toBe("Certified");
    expect(page.find(".stands").exists()).toBe(false);
  });
  test("still stand, and the page says why", () => {
    me.value = { user: "boss", may: ["emergency.end:epidemic"], roles: [] } as unknown as Me;
    const kept_because = { zh: "留存令", en: "a legal hold stands" };
    const page = mount(DataFate, { props: { reply: reply({ kept_because }) }, ...globals });
    expect(page.text()).toContain("Because: a legal hold stands");
    expect(page.find("button").exists()).toBe(false);
  });
  test("are destroyed on two people's word, by somebody who may", async () => {
    const looker = mount(DataFate, { props: { reply: reply({}) }, ...globals });
    expect(looker.find("button").exists()).toBe(false);
    me.value = { user: "boss", may: ["emergency.end:epidemic"], roles: [] } as unknown as Me;
    const asked = answer(200, reply({}));
    const page = mount(DataFate, { props: { reply: reply({ standing: [over("e0")] }) }, ...globals });
    await page.findAll("li .btn.danger")[1]!.trigger("click");
    expect(page.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await page.get("input[name='second.user']").setValue("guard");
    await page.get("input[name='second.password']").setValue("secret");
    await page.get("form").trigger("submit");
    await flushPromises();
    expect(sent(asked)).toEqual({
      url: "/api/v1/emergency/destroy",
      body: { emergency_id: "e0", reason: "", second: { user: "guard", password: "secret" } },
    });
  });
});

describe("the clock of a simulated hub", () => {
  test("pauses, and goes on at the speed of before", async () => {
    const asked = answer(200, {});
    const control = mount(HubPace, globals);
    await control.get("button").trigger("click");
    await flushPromises();
    expect(hub.value?.speed).toBe(0);
    await control.get("button").trigger("click");
    await flushPromises();
    expect(asked.mock.calls.map(([url, how]) => [url, String(how.body)])).toEqual([
      ["/api/v1/clock", '{"speed":0}'],
      ["/api/v1/clock", '{"speed":60}'],
    ]);
  });
  test("says what the server refused", async () => {
    answer(403, { key: "rules.not_permitted", message: "You may not." });
    const control = mount(HubPace, globals);
    await control.get("button").trigger("click");
    await flushPromises();
    expect(control.get("[role=alert]").text()).toBe("You may not.");
    expect(hub.value?.speed).toBe(60);
  });
});
