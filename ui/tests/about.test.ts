import { describe, expect, test } from "vitest";
import { about, aboutAlarm, shortPid } from "../src/logic/about";
import { aCase, aTrain } from "./make";

const ID = "7f3647d103268988d8c65cf46a642622";
const known = {
  trains: [aTrain({ subject: "G1 2022-10-20", train: "G1/G4" })],
  cases: [aCase({ case_id: ID, pid: "0bdd68aa11", train: "G1 2022-10-20" })],
};

describe("what something is about", () => {
  test("is a train by its number, also one that has left the list", () => {
    expect(about("G1 2022-10-20", known)).toBe("G1/G4");
    expect(about("D99 2022-10-20", known)).toBe("D99");
  });
  test("is a person by a short pseudonym, never by the id of a case", () => {
    expect(about(ID, known)).toBe("0BDD68 · G1/G4");
    expect(about(ID, { ...known, cases: [] })).toBe("7F3647");
    expect(about(ID, { ...known, cases: [aCase({ case_id: ID, pid: "0bdd68aa11", train: "" })] })).toBe("0BDD68");
  });
  test("of an alarm is the person of its case", () => {
    const value = { pid: "abcdef99", train: "G1 2022-10-20" };
    expect(aboutAlarm({ subject: ID, value }, known)).toBe("ABCDEF · G1/G4");
    expect(aboutAlarm({ subject: "G1 2022-10-20", value: {} }, known)).toBe("G1/G4");
    expect(aboutAlarm({ subject: ID, value: { pid: "abcdef99", train: "" } }, known)).toBe("ABCDEF");
  });
  test("is short enough for a row", () => {
    expect(shortPid("epoch_1:abcdef0123")).toBe("ABCDEF");
  });
});
