/** Loads as the page asks for them and shows how far they are. */

import type { LoadIn, LoadView, PreviewReply } from "../api/library";

/** What is asked of a file: the guesses stand unless the reader changed where a column goes. */
export function loadOf(
  upload: string,
  dataset: string,
  preview: Pick<PreviewReply, "columns"> | null,
  targets: Readonly<Record<string, string>>,
  synthetic: boolean,
): LoadIn {
  const mapping = Object.fromEntries(
    (preview?.columns ?? []).map((one) => [one.name, targets[one.name] ?? one.target]),
  );
  return {
    upload_id: upload,
    dataset,
    encoding: "",
    delimiter: "",
    header: null,
    table: "",
    mapping,
    synthetic,
    part: "",
    again: false,
  };
}

/** Columns of the dataset that two columns of the file would go into. */
export function doubled(columns: PreviewReply["columns"], targets: Readonly<Record<string, string>>): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const one of columns) {
    const target = targets[one.name] ?? one.target;
    if (target !== "" && seen.has(target)) twice.add(target);
    seen.add(target);
  }
  return [...twice];
}

export const isRunning = (load: Pick<LoadView, "state">): boolean => load.state === "running";

/** 42 %, rounded down: a load that is not over is never told as whole. */
export const progress = (share: number): string => `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
