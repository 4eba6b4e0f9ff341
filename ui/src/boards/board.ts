/**
 * A board beside the map, as data: what a scene shows of itself. A new scene adds a file like `hub.ts` and its texts; the
 * parts in `parts/board` render any of them. Figures are pure functions of what was shown at a moment, so that a board
 * reads the same live, in a replay, and along its own trends.
 */

import type { Thing } from "../api/panorama";
import type { Alarm, Board as LoopBoard, Case, Source, Task, Train } from "../api/types";

/** What the page knew at a moment. Null: this person may not see it, or it was never told. */
export interface Moment {
  ms: number;
  /** How far what is sensed may lie behind it on its way here. */
  lagMs?: number;
  things: Iterable<Thing>;
  sources: readonly Source[] | null;
  loop: LoopBoard | null;
  trains: readonly Train[] | null;
  cases: readonly Case[] | null;
  tasks: readonly Task[] | null;
}

/** What a figure reads. `value` null is "no data", never 0. */
export interface Reading {
  value: number | null;
  /** Since when it stands or when it was sensed, epoch milliseconds. */
  atMs?: number | null;
  /** Not all of what it is made of is fresh. */
  stale?: boolean;
  /** It asks for a person: shown in the colour and with the mark of abnormal. */
  bad?: boolean;
  /** A text below it: key and values. */
  note?: { key: string; values: Record<string, number | string> };
}

export interface Figure {
  name: string;
  /** Key of its text; `unit` is a key too. */
  label: string;
  unit?: string;
  /** What one must be allowed to see. */
  needs: string;
  /** It decides something: shown large. */
  decides?: boolean;
  read: (moment: Moment) => Reading;
}

export interface Trend {
  name: string;
  label: string;
  unit: string;
  needs: string;
  series: readonly { name: string; label: string; read: (moment: Moment) => number | null }[];
}

export interface BoardSpec {
  name: string;
  title: string;
  needs: string;
  figures: readonly Figure[];
  /** Whether an alarm belongs on it. */
  alerts?: (alarm: Alarm) => boolean;
  /** Whether a case belongs on it; a board without is one of figures only. */
  cases?: (one: Case) => boolean;
  trends: readonly Trend[];
}
