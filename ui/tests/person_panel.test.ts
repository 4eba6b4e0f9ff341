// @vitest-environment happy-dom
import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { i18n, loadTexts } from "../src/i18n";
import { withTexts } from "../src/i18n/later";
import { coverOf, Glimpse, GLIMPSE_MS, liveOf } from "../src/logic/glimpse";
import PersonPanel from "../src/parts/PersonPanel.vue";
import { lang } from "../src/state/prefs";
import { me } from "../src/state/session";
import { aCase } from "./make";

await Promise.all([loadTexts("zh"), loadTexts("en")]);
await withTexts(() => Promise.resolve());

const NOW = Date.parse("2024-05-06T07:08:09Z");
const MIN = Math.floor(NOW / 60_000);
const GRANT = {
  grant_id: "g1",
  scene: "epidemic",
  columns: ["name", "phone"],
  purposes: ["trace" as const],
  until_min: MIN + 60,
  glass: false,
};
const field = (column: string) => ({ column, name: { zh: column, en: column }, grade: 4 });
const mine = (grants: unknown[]) => ({
  now: "2024-05-06T07:08:09Z",
  now_min: MIN,
  grants,
  fields: ["name", "id_no", "phone"].map(field),
});
const FOUND = { persons: [{ pid: "p", fields: { name: "Zhang" } }], audit_seq: 41 };

type Reply = [status: number, body: unknown];
let sent: { url: string; body: Record<string, unknown> }[] = [];

function answers(grants: unknown[], ...reveals: Reply[]) {
  vi.stubGlobal("fetch", (url: string, how: RequestInit) => {
    const body = how.body ? (JSON.parse(String(how.body)) as Record<string, unknown>) : {};
    sent.push({ url, body });
    const [status, reply] = url.endsWith("/grants/mine") ? [200, mine(grants)] : (reveals.shift() ?? [500, {}]);
    return Promise.resolve(new Response(JSON.stringify(reply), { status: status as number }));
  });
}

async function open(may = ["person.reveal:epidemic", "glass.break:epidemic"]) {
  lang.value = "en";
  me.value = { user: "li", name: "Li", roles: [], scenes: [], agency: "", team: null, lang: "en", may };
  const panel = mount(PersonPanel, { props: { of: aCase({ case_id: "c1" }) }, global: { plugins: [i18n] } });
  if (panel.find(".body .btn").exists()) await panel.get(".body .btn").trigger("click");
  await flushPromises();
  return panel;
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  sent = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  me.value = null;
});

describe("a person", () => {
  test("is not even asked for by somebody whose post may not", async () => {
    answers([]);
    const panel = await open([]);
    expect(panel.find("section").exists()).toBe(false);
    expect(sent).toEqual([]);
  });
  test("is shown under a grant for what it covers, said why, and forgotten after five minutes", async () => {
    answers([GRANT], [200, FOUND]);
    const panel = await open();
    expect(panel.text()).toContain("Your grant: name, phone; for contact tracing");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await panel.get("input[name=reason]").setValue("call about G1");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent[1]!.body).toEqual({
      scene: "epidemic",
      pids: ["p"],
      fields: ["name", "phone"],
      purpose: "trace",
      about: "c1",
      reason: "call about G1",
    });
    expect(panel.text()).toContain("Zhang");
    expect(panel.text()).toContain("not recorded");
    expect(panel.text()).toContain("row 41");
    vi.advanceTimersByTime(GLIMPSE_MS - 1_500);
    await flushPromises();
    expect(panel.text()).toContain("Zhang");
    vi.advanceTimersByTime(2_000);
    await flushPromises();
    expect(panel.text()).not.toContain("Zhang");
  });
  test("is forgotten at once when another case is opened or the page is left", async () => {
    answers([GRANT], [200, FOUND], [200, FOUND]);
    const panel = await open();
    const look = async () => {
      await panel.get("input[name=reason]").setValue("call about G1");
      await panel.get("form").trigger("submit");
      await flushPromises();
    };
    await look();
    expect(panel.text()).toContain("Zhang");
    await panel.setProps({ of: aCase({ case_id: "c2", pid: "q" }) });
    expect(panel.text()).not.toContain("Zhang");
    await panel.setProps({ of: aCase({ case_id: "c1" }) });
    expect(panel.text()).not.toContain("Zhang");
    await panel.get(".body .btn").trigger("click");
    await flushPromises();
    await look();
    window.dispatchEvent(new Event("pagehide"));
    await flushPromises();
    expect(panel.text()).not.toContain("Zhang");
  });
  test("cannot be asked for beyond one grant, and a second person is asked for once the server says so", async () => {
    answers([GRANT], [403, { key: "library.two_people", message: "more than 20" }], [200, FOUND]);
    const panel = await open();
    await panel.get("input[name=reason]").setValue("call about G1");
    await panel.findAll("input[name=fields]")[1]!.setValue(true);
    expect(panel.text()).toContain("No single grant of yours");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await panel.findAll("input[name=fields]")[1]!.setValue(false);
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(panel.get("[role=alert]").text()).toBe("more than 20");
    await panel.get("input[name='second.user']").setValue("guard");
    await panel.get("input[name='second.password']").setValue("secret of guard");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent[2]!.body["second"]).toEqual({ user: "guard", password: "secret of guard" });
    expect(panel.text()).toContain("Zhang");
    expect(panel.html()).not.toContain("secret of guard");
  });
  test("is seen without a grant only through the glass, whose consequences are named first", async () => {
    answers([], [200, FOUND]);
    const panel = await open();
    expect(panel.text()).toContain("You hold no live grant");
    expect(panel.find("button[type=submit]").exists()).toBe(false);
    await panel.get(".act .danger").trigger("click");
    for (const words of ["15 minutes", "within 24 hours", "under your name"]) expect(panel.text()).toContain(words);
    await panel.get("select[name=purpose]").setValue("trace");
    await panel.get("input[name=reason]").setValue("fainted on platform 6");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    await panel.get("input[name=fields]").setValue(true);
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(sent[1]!.body["break_glass"]).toBe(true);
    expect(panel.text()).toContain("Zhang");
  });
  test("is refused once the grant is revoked, and the page shows that it is no longer held", async () => {
    const held: unknown[] = [GRANT];
    answers(held, [403, { key: "model.grant_over", message: "the grant is over" }]);
    const panel = await open();
    await panel.get("input[name=reason]").setValue("call about G1");
    held.length = 0;
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(panel.get("[role=alert]").text()).toBe("the grant is over");
    expect(panel.text()).toContain("You hold no live grant");
    expect(panel.text()).not.toContain("Your grant");
  });
  test("whom the vault does not know any more is told as gone", async () => {
    answers([GRANT], [200, { persons: [], audit_seq: 42 }]);
    const panel = await open();
    await panel.get("input[name=reason]").setValue("call about G1");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(panel.text()).toContain("may have been destroyed");
  });
});

describe("what is glimpsed", () => {
  test("is gone after its time even if nobody looked meanwhile", () => {
    const glimpse = new Glimpse();
    glimpse.show({ name: "Zhang" }, 1_000);
    expect(glimpse.leftS(1_000)).toBe(300);
    expect(glimpse.read(1_000 + GLIMPSE_MS - 1)?.get("name")).toBe("Zhang");
    expect(glimpse.read(1_000 + GLIMPSE_MS)).toBeNull();
    expect(glimpse.read(1_000)).toBeNull();
    expect(glimpse.leftS(1_000)).toBe(0);
  });
  test("needs one grant that covers scene, purpose and every field, and still holds", () => {
    const asked = { scene: "epidemic", purpose: "trace", fields: ["name"] };
    expect(coverOf([GRANT], asked, NOW)).toBe(GRANT);
    expect(coverOf([GRANT], { ...asked, scene: "fire" }, NOW)).toBeNull();
    expect(coverOf([GRANT], { ...asked, purpose: "test" }, NOW)).toBeNull();
    expect(coverOf([GRANT, { ...GRANT, columns: ["id_no"] }], { ...asked, fields: ["name", "id_no"] }, NOW)).toBeNull();
    expect(coverOf([GRANT], asked, (MIN + 60) * 60_000)).toBeNull();
    expect(liveOf([GRANT, { ...GRANT, until_min: MIN + 90 }], "epidemic", NOW).map((one) => one.until_min)).toEqual([
      MIN + 90,
      MIN + 60,
    ]);
  });
});
