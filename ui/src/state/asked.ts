/** One question of a page to the server, with what became of it; for what no live feed keeps up to date. */

import { ref, shallowRef, type Ref } from "vue";
import { ApiError, get } from "../api/client";

export interface Asked<T> {
  reply: Ref<T | null>;
  state: Ref<"loading" | "ready" | "failed">;
  problem: Ref<string>;
  load: () => Promise<void>;
}

export function useAsked<T>(path: () => string, taken: (reply: T) => void = () => undefined): Asked<T> {
  const reply = shallowRef<T | null>(null);
  const state = ref<"loading" | "ready" | "failed">("loading");
  const problem = ref("");
  let asked = 0;

  async function load(): Promise<void> {
    const mine = ++asked;
    try {
      const found = await get<T>(path());
      if (mine !== asked) return; // a later question is under way: its answer counts
      reply.value = found;
      taken(found);
      state.value = "ready";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine !== asked) return;
      problem.value = error.message;
      state.value = "failed";
    }
  }
  return { reply, state, problem, load };
}

/** Runs a write; returns whether it was done, and says what went wrong otherwise. */
export function useWrite(unreachable: () => string) {
  const busy = ref(false);
  const problem = ref("");
  const key = ref("");

  async function run(write: () => Promise<void>): Promise<boolean> {
    busy.value = true;
    problem.value = key.value = "";
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error.message || unreachable();
      key.value = error.key;
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, problem, key, run };
}
