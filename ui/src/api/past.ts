/** The past as the server tells it: the picture of a moment, and what changed after it. Moments are epoch milliseconds. */

import { get } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type PastRange = Schemas["PastRange"];
/** What was shown at a moment. What a person may not see is null, as it was live. */
export type PastReply = Schemas["PastReply"];
/** A change as the live feed told it; `alarm`: it came on the lane of alarms too. */
export type PastChange = Schemas["PastChange"];
/** The things that changed at a moment, as a live delta tells them. */
export type PastThings = Schemas["PastThings"];
/** Everything up to `to_ms` is told; with `more` it is earlier than what was asked for. */
export type PastChanges = Schemas["PastChanges"];

export const getRange = (): Promise<PastRange> => get<PastRange>("/past/range");
export const getPast = (atMs: number): Promise<PastReply> => get<PastReply>(`/past?at_ms=${Math.round(atMs)}`);
export const getChanges = (fromMs: number, toMs: number): Promise<PastChanges> =>
  get<PastChanges>(`/past/changes?from_ms=${Math.round(fromMs)}&to_ms=${Math.round(toMs)}`);
