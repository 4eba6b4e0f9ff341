// @vitest-environment happy-dom
import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { CaseFile, CaseMove } from "../src/api/types";
import { i18n, loadTexts } from "../src/i18n";
import MovePanel from "../src/parts/MovePanel.vue";
import { lang } from "../src/state/prefs";
import { aCase } from "./make";

await Promise.all([loadTexts("zh"), loadTexts("en")]);

const TAKE: CaseMove = {
  command: "take_antigen",
  to_state: "antigen",
  needs: ["sample"],
  clock: "antigen_result_min",
  clock_min: 20,
  label: { zh: "采抗原样", en: "Take antigen sample" },
};
const file = (version: number): CaseFile => ({
  case: aCase({ state: "reported", version }),
  timeline: [],
  evidence: [],
  moves: [TAKE],
  steps: [],
  proposals: [],
  appeals: [],
  times: { sensed: null, warned: null, dispatched: null, accepted: null, on_site: null, closed: null },
});

function open() {
  lang.value = "en";
  return mount(MovePanel, { props: { file: file(3), movedOn: false }, global: { plugins: [i18n] } });
}

async function fill(panel: ReturnType<typeof open>, ref: string) {
  await panel.get(".buttons .btn").trigger("click");
  await panel.get("input[name='sample.ref']").setValue(ref);
}

function answer(status: number, body: unknown) {
  const asked = vi.fn((_url: string, _how: RequestInit) =>
    Promise.resolve(new Response(JSON.stringify(body), { status })),
  );
  vi.stubGlobal("fetch", asked);
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe("a move", () => {
  test("cannot be pressed without its evidence, and says what is missing and what follows", async () => {
    const panel = open();
    await panel.get(".buttons .btn").trigger("click");
    expect(panel.get("button[type=submit]").attributes("disabled")).toBeDefined();
    expect(panel.text()).toContain("Still missing: Sample");
    expect(panel.text()).toContain("antigen taken, with a clock of 20 min");
  });
  test("sends the evidence and the version that was seen", async () => {
    const asked = answer(200, { ...file(4), case: aCase({ state: "antigen", version: 4 }) });
    const panel = open();
    await fill(panel, "S-77");
    await panel.get("form").trigger("submit");
    await flushPromises();
    const [url, how] = asked.mock.calls[0]!;
    expect(url).toBe("/api/v1/cases/c/moves");
    expect(JSON.parse(String(how.body))).toEqual({
      command: "take_antigen",
      evidence: [{ kind: "sample", ref: "S-77", values: {} }],
      expects: 3,
    });
    expect(panel.emitted("moved")).toHaveLength(1);
    expect(panel.text()).toContain("It is now: antigen taken");
  });
  test("that came too late is explained, and what was typed is kept for the newest state", async () => {
    answer(409, { key: "model.case_moved_on", message: "…" });
    const panel = open();
    await fill(panel, "S-77");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(panel.emitted("lookAgain")).toHaveLength(1);
    expect(panel.text()).toContain("This case has just moved on");
    await panel.setProps({ file: file(4) });
    expect((panel.get("input[name='sample.ref']").element as HTMLInputElement).value).toBe("S-77");
  });
  test("that was refused shows the server's sentence", async () => {
    answer(403, { key: "access.denied", message: "You may not do this." });
    const panel = open();
    await fill(panel, "S-77");
    await panel.get("form").trigger("submit");
    await flushPromises();
    expect(panel.get("[role=alert]").text()).toContain("You may not do this.");
  });
});
