import { describe, expect, it } from "vitest";
import { emptyDocument, personOf, READS_DOCUMENT } from "../src/logic/document";

describe("the document that is read", () => {
  it("is sent only with a number, without blanks around it", () => {
    expect(personOf(emptyDocument(false))).toEqual({});
    expect(personOf({ ...emptyDocument(true), id_no: " 99 ", name: " N " })).toEqual({
      person: { id_type: "syn", id_no: "99", name: "N", phone: "" },
    });
  });

  it("goes with the scan and the desk only", () => {
    expect([...READS_DOCUMENT]).toEqual(["report", "report_at_desk"]);
  });
});
