import { describe, expect, test } from "vitest";
import type { CaseStep, Emergency, Proposal, Source } from "../src/api/types";
import { emptyDraft } from "../src/logic/evidence";
import { readFinding } from "../src/logic/finding";
import { whyOff } from "../src/logic/off";
import { newestProposals, prefill } from "../src/logic/proposal";
import { nextSpeed } from "../src/logic/pace";
import { countLate, rankSources } from "../src/logic/sources";
import { minutesLate, stepNumbers, transferStands } from "../src/logic/step_rows";

const proposal = (some: Partial<Proposal>): Proposal => ({
  command: "antigen_result",
  kind: "antigen",
  ref: "LAB-1",
  values: { result: "negative" },
  at_min: 5,
  ...some,
});

describe("a proposal", () => {
  test("fills what was left empty, and only fields that the form has", () => {
    const draft = emptyDraft(["antigen"]);
    expect(prefill(draft, proposal({ values: { result: "negative", secret: "x", ct: 30 } }))).toBe(true);
    expect(draft["antigen"]).toEqual({ ref: "LAB-1", values: { result: "negative" } });
  });
  test("never writes over what a person has typed", () => {
    const draft = { antigen: { ref: "MINE", values: {} } };
    expect(prefill(draft, proposal({}))).toBe(false);
    expect(draft.antigen.ref).toBe("MINE");
  });
  test("of a result that the form cannot say leaves the choice to the person", () => {
    const draft = emptyDraft(["antigen"]);
    prefill(draft, proposal({ values: { result: "unclear" } }));
    expect(draft["antigen"]).toEqual({ ref: "LAB-1", values: {} });
  });
  test("for another kind of evidence changes nothing", () => {
    const draft = emptyDraft(["sample"]);
    expect(prefill(draft, proposal({}))).toBe(false);
    expect(prefill(draft, undefined)).toBe(false);
    expect(draft).toEqual(emptyDraft(["sample"]));
  });
  test("that is newer takes the place of the one before for the same move", () => {
    const found = newestProposals([
      proposal({ at_min: 5 }),
      proposal({ at_min: 9, ref: "LAB-2" }),
      proposal({ command: "antigen_invalid", at_min: 7 }),
    ]);
    expect(found.map((one) => one.ref + one.command)).toEqual(["LAB-2antigen_result", "LAB-1antigen_invalid"]);
  });
});

describe("a finding", () => {
  const values = {
    exit_id: "N1",
    gate_id: "G7",
    lane: 7,
    at_min: 12,
    desk: false,
    origin: "high_risk",
    rule_id: "listed county",
    version: "2022-10",
    measures: ["antigen", 3, "register"],
    reasons_zh: ["申报"],
    reasons_en: ["declared"],
    level: null,
  };
  test("is read in the reader's language", () => {
    expect(readFinding(values, "zh")?.reasons).toEqual(["申报"]);
    const found = readFinding(values, "en");
    expect(found).toMatchObject({ reasons: ["declared"], lane: "7", exit: "N1", level: null, table: "2022-10" });
    expect(found?.measures).toEqual(["antigen", "register"]);
  });
  test("of another form is not guessed at", () => {
    expect(readFinding({ county: "x", level: "high" }, "en")).toBeNull();
    expect(readFinding({}, "en")).toBeNull();
  });
  test("whose reasons are one text is read as well", () => {
    expect(readFinding({ reasons_en: "red code" }, "en")?.reasons).toEqual(["red code"]);
  });
});

describe("the scene is off", () => {
  const event = { begins_min: 10, ends_min: 100, ended_min: null } as Emergency;
  test("because nobody ever declared an event", () => {
    expect(whyOff(null, 5)).toEqual({ why: "never", at_min: null });
  });
  test("because a person ended it, its time ran out, or it has not begun", () => {
    expect(whyOff({ ...event, ended_min: 60 }, 70)).toEqual({ why: "ended", at_min: 60 });
    expect(whyOff({ ...event, ended_min: 100 }, 120)).toEqual({ why: "expired", at_min: 100 });
    expect(whyOff(event, 120)).toEqual({ why: "expired", at_min: 100 });
    expect(whyOff(event, 5)).toEqual({ why: "not_yet", at_min: 10 });
  });
});

describe("sources", () => {
  const source = (name: string, state: Source["state"]): Source => ({ name, state }) as Source;
  const all = [source("b", "off"), source("a", "live"), source("d", "late"), source("c", "failed")];
  test("that need a person come first", () => {
    expect(rankSources(all).map((one) => one.name)).toEqual(["c", "d", "a", "b"]);
  });
  test("that are off are not late", () => {
    expect(countLate(all)).toBe(2);
    expect(countLate([])).toBe(0);
  });
});

describe("the rows of a case", () => {
  const transfer = { vehicle: null, receiving_site: null, signature_out: null, signature_in: null };
  test("number the six steps and no branch", () => {
    const rows = [{ step: "report" }, { step: "refusal" }, { step: "antigen" }] as CaseStep[];
    expect([...stepNumbers(rows)]).toEqual([
      ["report", 1],
      ["antigen", 2],
    ]);
  });
  test("say by how much a step was late, and nothing while it lasts", () => {
    expect(minutesLate({ finished_min: 12, deadline_min: 10 })).toBe(2);
    expect(minutesLate({ finished_min: 9, deadline_min: 10 })).toBe(0);
    expect(minutesLate({ finished_min: null, deadline_min: 10 })).toBe(0);
  });
  test("tell a transfer that left from one that arrived", () => {
    expect(transferStands({ transfer: null })).toBe("waiting");
    expect(transferStands({ transfer: { ...transfer, left_min: 0, arrived_min: null } })).toBe("left");
    expect(transferStands({ transfer: { ...transfer, left_min: 0, arrived_min: 9 } })).toBe("arrived");
  });
});

test("the one button of a replay pauses it and goes on as before", () => {
  expect(nextSpeed(60, 60)).toBe(0);
  expect(nextSpeed(0, 60)).toBe(60);
  expect(nextSpeed(0, 0)).toBe(1);
});
