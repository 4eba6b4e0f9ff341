/** The past as the server tells it: the picture of a moment, and what changed after it. Moments are epoch milliseconds. */

import { get } from "./client";
import type { Thing, ThingMove } from "./panorama";
import type { Case, LiveChange, LiveSnapshot, Source, Task } from "./types";

export interface PastMark {
  at_ms: number;
  kind: string;
  subject: string;
  severity: string;
}

export interface PastRange {
  first_ms: number | null;
  last_ms: number | null;
  marks: PastMark[];
  more: boolean;
}

/** What was shown at a moment. What a person may not see is null, as it was live. */
export interface PastReply extends LiveSnapshot {
  at_ms: number;
  /** When this picture last changed. */
  shown_ms: number;
  /** What to ask for changes from, to go on from here. */
  next_ms: number;
  replay: true;
  things: Thing[];
  sources: Source[] | null;
  cases: Case[] | null;
  tasks: Task[] | null;
}

/** A change as the live feed told it; `alarm`: it came on the lane of alarms too. */
export type PastChange = LiveChange & { at_ms: number; alarm: boolean };

/** The things that changed at a moment, as a live delta tells them. */
export interface PastThings {
  at_ms: number;
  things: (Thing | ThingMove)[];
  gone: string[];
}

export interface PastChanges {
  from_ms: number;
  /** Everything up to here is told; with `more` it is earlier than what was asked for. */
  to_ms: number;
  changes: PastChange[];
  things: PastThings[];
  more: boolean;
}

export const getRange = (): Promise<PastRange> => get<PastRange>("/past/range");
export const getPast = (atMs: number): Promise<PastReply> => get<PastReply>(`/past?at_ms=${Math.round(atMs)}`);
export const getChanges = (fromMs: number, toMs: number): Promise<PastChanges> =>
  get<PastChanges>(`/past/changes?from_ms=${Math.round(fromMs)}&to_ms=${Math.round(toMs)}`);
