// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { VenueReply } from "../src/api/panorama";
import type { Hub } from "../src/api/types";
import { loadTexts } from "../src/i18n";
import { hub } from "../src/state/desk";
import { keptNames, lineOf, placeName, whereTo } from "../src/state/place";
import { lang } from "../src/state/prefs";
import { forgetVenue, venue } from "../src/state/venue";

const HALL = { code: "DEPOT", name: { zh: "候车室", en: "Waiting room" } };

describe("places in words", () => {
  beforeEach(async () => {
    await loadTexts("en");
    await loadTexts("zh");
    vi.stubGlobal("fetch", () => Promise.reject(new Error("no line")));
    hub.value = {
      exits: [{ exit_id: "N1", name: { zh: "北一出口", en: "Exit North 1" }, lanes: 1 }],
    } as unknown as Hub;
    venue.value = { features: [HALL], levels: [] } as unknown as VenueReply;
    lang.value = "en";
  });
  afterEach(() => {
    forgetVenue();
    keptNames.value = {};
    hub.value = null;
  });

  it("names an exit, a place of the venue, and a platform, in the language of the page", () => {
    expect([placeName("N1"), placeName("DEPOT"), placeName("X9")]).toEqual(["Exit North 1", "Waiting room", "X9"]);
    expect(whereTo({ place: "5", kind: "meet_train" })).toBe("platform 5");
    expect(whereTo({ place: "N1", kind: "meet_train" })).toBe("Exit North 1");
    lang.value = "zh";
    expect(placeName("DEPOT")).toBe("候车室");
  });

  it("says an order that only leads to a place once", () => {
    expect(lineOf({ subject: "DEPOT", place: "DEPOT", kind: "attend" })).toBe("Waiting room");
    expect(lineOf({ subject: "zone:DEPOT", place: "N1", kind: "attend" })).toBe("Waiting room · Exit North 1");
    expect(lineOf({ subject: "G1 2022-10-20", place: "5", kind: "meet_train" })).toBe("G1 · platform 5");
  });

  it("knows by what a phone kept where no venue can be asked", () => {
    venue.value = null;
    keptNames.value = { DEPOT: HALL.name };
    expect(placeName("DEPOT")).toBe("Waiting room");
  });
});
