/**
 * Trends of boards: each point is what the board's own function reads from the picture that was shown at that moment, so
 * that a chart can say nothing else than the page did. Pictures are fetched one at a time and read once for all boards.
 */

import { shallowRef, watch } from "vue";
import { ApiError } from "../api/client";
import { getPast } from "../api/past";
import { BOARDS } from "../boards";
import type { BoardSpec, Trend } from "../boards/board";
import { type Point, trendMoments } from "../logic/trend";
import { pastMoment, shownMoment } from "./moment";
import { range } from "./range";
import { me } from "./session";
import { viewMs } from "./view";

const KEEP = 400;
const name = (board: string, trend: string, series: string): string => `${board}/${trend}/${series}`;
/** By moment, then by board, trend and series. */
const read = shallowRef(new Map<number, Map<string, number | null>>());
let fetching = false;

function readAll(moment: Parameters<Trend["series"][number]["read"]>[0], boards: readonly BoardSpec[]) {
  // What is an iterator is read more than once.
  const whole = { ...moment, things: [...moment.things] };
  const found = new Map<string, number | null>();
  for (const board of boards)
    for (const trend of board.trends)
      for (const one of trend.series) found.set(name(board.name, trend.name, one.name), one.read(whole));
  return found;
}

/** The points of a series, the newest being what is shown now. */
export function pointsOf(board: BoardSpec, trend: Trend, series: Trend["series"][number]): Point[] {
  const first = range.value?.first_ms ?? Infinity;
  const past = trendMoments(viewMs.value, first).map((ms) => ({
    ms,
    value: read.value.get(ms)?.get(name(board.name, trend.name, series.name)) ?? null,
  }));
  return [...past, { ms: viewMs.value, value: series.read(shownMoment()) }];
}

/** Fetches what is missing of the last two hours, one picture after the other. */
export async function fetchTrends(boards: readonly BoardSpec[] = BOARDS): Promise<void> {
  if (fetching || range.value?.first_ms == null) return;
  fetching = true;
  const user = me.value?.user;
  try {
    for (const ms of trendMoments(viewMs.value, range.value.first_ms).reverse()) {
      if (read.value.has(ms)) continue;
      const found = readAll(pastMoment(await getPast(ms)), boards);
      if (me.value?.user !== user) return;
      read.value = new Map([...[...read.value].slice(-KEEP), [ms, found]]);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A gap in a trend is shown as one; the next round asks again.
  } finally {
    fetching = false;
  }
}

// What one person was shown is not for the next one.
watch(
  () => me.value?.user,
  () => (read.value = new Map()),
  { flush: "sync" },
);
