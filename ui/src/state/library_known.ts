/** What the pages of the library ask for again and again: its frame, and datasets by name; kept until the language or person changes. */

import { shallowReactive, shallowRef } from "vue";
import { get } from "../api/client";
import type { DatasetReply, LibraryReply, TermsView } from "../api/library";

export const frame = shallowRef<LibraryReply | null>(null);
export const known = shallowReactive(new Map<string, DatasetReply>());
const asked = new Map<string, Promise<void>>();

/** Loads the frame once: libraries, agencies, purposes, legal bases. Throws ApiError. */
export async function knowFrame(): Promise<void> {
  frame.value ??= await get<LibraryReply>("/library");
}

/** The rule that the library shares by. */
export const terms = shallowRef<TermsView | null>(null);

/** Loads the rule once. Throws ApiError. */
export async function knowTerms(): Promise<void> {
  terms.value ??= await get<TermsView>("/library/terms");
}

/** Loads a dataset once. Throws ApiError. */
export function know(name: string): Promise<void> {
  let found = asked.get(name);
  if (!found) {
    found = get<DatasetReply>(`/library/datasets/${encodeURIComponent(name)}`).then((reply) => {
      known.set(name, reply);
    });
    found.catch(() => asked.delete(name));
    asked.set(name, found);
  }
  return found;
}

/** Forgets a dataset, so that it is asked for anew. */
export function forget(name: string): void {
  asked.delete(name);
}
