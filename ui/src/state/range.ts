/** From when on the past is known, and what happened in it; asked for again now and then, since it grows. */

import { shallowRef, watch } from "vue";
import { ApiError } from "../api/client";
import { getRange, type PastRange } from "../api/past";
import { me } from "./session";

export const range = shallowRef<PastRange | null>(null);
/** Why nothing is known of the past; empty while something is. */
export const rangeProblem = shallowRef("");

const EVERY_MS = 30_000;
let timer: ReturnType<typeof setInterval> | null = null;

// The marks are those that one person may see.
watch(
  () => me.value?.user,
  () => (range.value = null),
  { flush: "sync" },
);

export async function loadRange(): Promise<void> {
  const user = me.value?.user;
  try {
    const found = await getRange();
    if (me.value?.user === user) range.value = found;
    rangeProblem.value = "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    rangeProblem.value = error.message || error.key;
  }
}

export function watchRange(): () => void {
  void loadRange();
  timer ??= setInterval(() => void loadRange(), EVERY_MS);
  return () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
}
