// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NoticeView, TermsView } from "../src/api/library";
import { firstDays, offeredDays } from "../src/logic/library_apply";
import { byActs, placeOf, unseenOf } from "../src/logic/library_notices";
import { givenDays } from "../src/logic/library_templates";
import {
  forgetNotices,
  loadNotices,
  notices,
  noticesProblem,
  putAside,
  startNotices,
  stopNotices,
  unseen,
} from "../src/state/notices";
import { me } from "../src/state/session";

const NAME = { zh: "居民", en: "residents" };
const notice = (more: Partial<NoticeView> = {}): NoticeView => ({
  key: "decision/b1/residents/1",
  kind: "decision",
  id: "b1",
  dataset: "residents",
  title: NAME,
  agency: "public-security",
  agency_name: NAME,
  since_min: 10,
  up_min: 11,
  step: 1,
  acts: true,
  place: "authority",
  ...more,
});
let told: NoticeView[] = [];
let status = 200;
const fetched = vi.fn(() =>
  Promise.resolve(
    new Response(
      JSON.stringify(status === 200 ? { now_min: 20, notices: told } : { error: { key: "x", message: "no" } }),
      {
        status,
        headers: { "content-type": "application/json" },
      },
    ),
  ),
);
const signIn = (...actions: string[]): void => {
  me.value = { user: "shen", may: actions, roles: [], scenes: [] } as unknown as typeof me.value;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", fetched);
  fetched.mockClear();
  forgetNotices();
  told = [];
  status = 200;
});
afterEach(() => {
  stopNotices();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  me.value = null;
});

describe("what has gone up", () => {
  test("is asked for again and again, by those only who may be concerned", async () => {
    signIn("map.read", "catalogue.read");
    startNotices();
    expect(fetched).not.toHaveBeenCalled();
    signIn("basket.read");
    startNotices();
    await vi.advanceTimersByTimeAsync(31_000);
    expect(fetched).toHaveBeenCalledTimes(3);
  });
  test("stands on every page until it is put aside, and comes back one step further", async () => {
    told = [notice(), notice({ key: "order/o/x/1", acts: false })];
    await loadNotices();
    expect(notices.value).toHaveLength(2);
    expect(unseen.value.map((one) => one.key)).toEqual(["decision/b1/residents/1"]);
    putAside(["decision/b1/residents/1"]);
    expect(unseen.value).toEqual([]);
    told = [notice({ key: "decision/b1/residents/2", step: 2 })];
    await loadNotices();
    expect(unseen.value.map((one) => one.step)).toEqual([2]);
  });
  test("is kept while nobody can say that it is done, and is forgotten with the session", async () => {
    told = [notice()];
    await loadNotices();
    status = 503;
    await loadNotices();
    expect(notices.value).toHaveLength(1);
    expect(noticesProblem.value).not.toBe("");
    putAside([notice().key]);
    forgetNotices();
    expect(notices.value).toEqual([]);
    expect(unseenOf([notice()], new Set())).toHaveLength(1);
    expect(sessionStorage.getItem("hubtwin.notices_seen")).toBeNull();
  });
  test("is in order by whether the reader can end it", () => {
    const all = [notice({ key: "a", acts: false }), notice({ key: "b" }), notice({ key: "c", acts: false })];
    expect(byActs(all).map((one) => one.key)).toEqual(["b", "a", "c"]);
  });
  test("leads to where it can be ended", () => {
    expect(placeOf(notice())).toBe("/library/authority/b1");
    expect(placeOf(notice({ place: "owner" }))).toBe("/library/owner/b1");
    expect(placeOf(notice({ kind: "order", place: "quality" }))).toBe("/library/quality");
    expect(placeOf(notice({ kind: "review" }))).toBe("/library/authority");
    expect(placeOf(notice({ kind: "return", place: "owner" }))).toBe("/library/street");
  });
});

describe("terms that are offered", () => {
  const rule = (automatic_days: number, template_days: number): TermsView =>
    ({ automatic_days, template_days }) as TermsView;
  test("hold those at which a lane of the published rule ends", () => {
    expect(offeredDays(null)).toEqual([30, 90, 180, 365]);
    expect(offeredDays(rule(120, 60))).toEqual([30, 60, 90, 120, 180, 365]);
    expect([firstDays(null), firstDays(rule(180, 90)), firstDays(rule(120, 60))]).toEqual([90, 90, 60]);
  });
  test("of a template go as far as the rule lets go under one", () => {
    expect(givenDays(90)).toEqual([7, 30, 90]);
    expect(givenDays(20)).toEqual([7, 20]);
    expect(givenDays(5)).toEqual([5]);
  });
});
