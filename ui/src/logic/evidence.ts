/** Which fields a person fills in for each kind of evidence that a move needs. A new kind still gets a reference. */

export interface Field {
  name: string;
  type: "text" | "choice" | "number" | "district";
  choices?: readonly string[];
}

export interface Kind {
  /** The reference itself: a document, sample or form number; never a name. */
  ref: "scan" | "form" | "sample" | "test" | "note" | "plate" | "site" | "signature" | "order";
  fields: readonly Field[];
}

const RESULT: Field = { name: "result", type: "choice", choices: ["negative", "positive"] };
const NOTE: Field = { name: "note", type: "text" };

const KINDS: Record<string, Kind> = {
  scan: {
    ref: "scan",
    fields: [
      { name: "health_code", type: "choice", choices: ["green", "yellow", "red"] },
      { name: "itinerary_code", type: "choice", choices: ["green", "yellow", "orange", "red"] },
      { name: "test_age_h", type: "number" },
      { name: "declared_origin", type: "text" },
      { name: "destination_code", type: "district" },
    ],
  },
  desk_form: {
    ref: "form",
    fields: [
      { name: "why_desk", type: "choice", choices: ["no_phone", "foreign_document", "code_unreadable"] },
      { name: "declared_origin", type: "text" },
      { name: "destination_code", type: "district" },
    ],
  },
  sample: { ref: "sample", fields: [] },
  antigen: { ref: "test", fields: [RESULT] },
  nucleic: { ref: "test", fields: [RESULT, { name: "ct", type: "number" }] },
  negative: { ref: "test", fields: [] },
  invalid_test: { ref: "test", fields: [NOTE] },
  review: { ref: "note", fields: [NOTE] },
  vehicle: { ref: "plate", fields: [] },
  receiving_site: { ref: "site", fields: [] },
  signature_out: { ref: "signature", fields: [] },
  signature_in: { ref: "signature", fields: [] },
  feedback: { ref: "note", fields: [{ name: "told", type: "choice", choices: ["person", "district", "both"] }] },
  correction: { ref: "note", fields: [NOTE] },
  refusal: { ref: "note", fields: [NOTE] },
  consent: { ref: "signature", fields: [] },
  authority: { ref: "order", fields: [NOTE] },
  overflow_order: { ref: "order", fields: [] },
  follow_up: { ref: "test", fields: [RESULT] },
};

export function kindOf(kind: string): Kind {
  return KINDS[kind] ?? { ref: "note", fields: [NOTE] };
}

export const EVIDENCE_KINDS = Object.keys(KINDS);

export type Draft = Record<string, { ref: string; values: Record<string, string> }>;

export function emptyDraft(needs: readonly string[]): Draft {
  return Object.fromEntries(needs.map((kind) => [kind, { ref: "", values: {} }]));
}

/** The first kinds whose reference is missing; empty when the form may be sent. */
export function missingOf(needs: readonly string[], draft: Draft): string[] {
  return needs.filter((kind) => !draft[kind]?.ref.trim());
}

/** The evidence as the server wants it: numbers as numbers, nothing empty. */
export function evidenceOf(
  needs: readonly string[],
  draft: Draft,
): { kind: string; ref: string; values: Record<string, unknown> }[] {
  return needs.map((kind) => {
    const entry = draft[kind] ?? { ref: "", values: {} };
    const values: Record<string, unknown> = {};
    for (const field of kindOf(kind).fields) {
      const given = (entry.values[field.name] ?? "").trim();
      if (given === "") continue;
      values[field.name] = field.type === "number" && Number.isFinite(Number(given)) ? Number(given) : given;
    }
    return { kind, ref: entry.ref.trim(), values };
  });
}

/** Moves that end, hand over or take away something are shown apart and asked for twice. */
export const GRAVE = new Set([
  "correct",
  "refuse",
  "hand_over",
  "overflow",
  "depart",
  "close",
  "nucleic_positive",
  "release",
]);
