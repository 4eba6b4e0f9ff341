import { describe, expect, test } from "vitest";
import type { GivenDay, PartnerAgreement, PartnerMessage, PartnerRow } from "../src/api/types";
import { answerAsk, answerReady, daysOf, lateOf, messagesOf, needsOf, type AnswerDraft } from "../src/logic/partners";

const row = (some: Partial<PartnerRow>): PartnerRow =>
  ({
    partner_id: "p",
    late: 0,
    refused: 0,
    waiting: 0,
    agreement: "in_force",
    ends_in_days: 90,
    channel: { state: "well" },
    ...some,
  }) as PartnerRow;
const message = (some: Partial<PartnerMessage>): PartnerMessage =>
  ({ message_id: "m", profile: "police", at_min: 27_770_460, late_min: 0, ...some }) as PartnerMessage;

describe("a partner at a glance", () => {
  test("says nothing where all is well, and what is grave before what is not", () => {
    expect(needsOf(row({}))).toEqual([]);
    const needs = needsOf(row({ late: 2, waiting: 3, refused: 1, agreement: "expired", ends_in_days: null }));
    expect(needs.map((one) => one.key)).toEqual(["expired", "late_n", "refused_n", "waiting_n"]);
    expect(needs.map((one) => one.grave)).toEqual([true, true, false, false]);
    expect(needs[1]!.n).toBe(2);
  });
  test("counts the days of an agreement that ends soon, and knows its last day", () => {
    expect(needsOf(row({ agreement: "expiring", ends_in_days: 12 }))).toEqual([
      { key: "expires_in", n: 12, grave: false },
    ]);
    expect(needsOf(row({ agreement: "expiring", ends_in_days: 0 }))[0]!.key).toBe("expires_today");
    const agreed = (days_left: number, state = "in_force") => daysOf({ days_left, state } as PartnerAgreement);
    expect([agreed(3), agreed(0), agreed(-4, "expired"), agreed(9, "later")].map((one) => one.key)).toEqual([
      "days_left",
      "last_day",
      "days_over",
      "later",
    ]);
    expect(agreed(-4).n).toBe(4);
  });
});

describe("the messages behind a figure", () => {
  test("are those of its profile on its day at the hub, not of the day in UTC", () => {
    const day = { day: "2022-10-21", profile: "police" } as GivenDay;
    const late = message({ message_id: "late", at_min: 27_770_460 + 16 * 60 }); // 01:00 of the 21st in Shanghai
    const found = messagesOf(
      [message({}), late, message({ profile: "bus", at_min: late.at_min })],
      day,
      "Asia/Shanghai",
    );
    expect(found).toEqual([late]);
  });
  test("that are late come with the longest first", () => {
    const found = lateOf([message({ late_min: 3 }), message({}), message({ late_min: 40 })]);
    expect(found.map((one) => one.late_min)).toEqual([40, 3]);
  });
});

describe("an answer", () => {
  const draft = (some: Partial<AnswerDraft>): AnswerDraft => ({
    said: "accepted",
    inMinutes: "",
    note: "",
    key: "k",
    ...some,
  });
  test("tells a minute from now with an acceptance only, and a reason with a refusal only", () => {
    expect(answerAsk(draft({ inMinutes: " 25 " }), 100)).toEqual({
      said: "accepted",
      note: "",
      expected_min: 125,
      key: "k",
    });
    const refused = answerAsk(draft({ said: "refused", inMinutes: "25", note: " no car " }), 100);
    expect(refused).toEqual({ said: "refused", note: "no car", expected_min: null, key: "k" });
  });
  test("is not sent without the reason of a refusal, or with a minute that is none", () => {
    expect(answerReady(draft({ said: "refused", note: "  " }))).toBe(false);
    expect(answerReady(draft({ inMinutes: "soon" }))).toBe(false);
    expect(answerReady(draft({ inMinutes: "12345" }))).toBe(false);
    expect(answerReady(draft({}))).toBe(true);
    expect(answerReady(draft({ said: "done" }))).toBe(true);
  });
});
