/** The moves of a team on a task: what can be pressed, what it asks for first, and that it is kept before it is sent. */

import { computed, ref, type Ref } from "vue";
import type { Task } from "../api/types";
import { NEEDS_REASON } from "./command";
import { files, movesOf, ticksOf } from "./mine";
import { submit } from "./outbox";

const TAP_MS = 800;

export function useMoves(task: Ref<Task>) {
  const declining = ref(false);
  /** Set while the person is asked whether the task is done although the list says otherwise. */
  const doubting = ref(0);
  const commands = computed(() => movesOf(task.value));
  /** From accepted the way on is "on post"; "done" without having been there stands back. */
  const main = computed(() => commands.value.find((name) => !NEEDS_REASON.has(name)) ?? null);
  const beside = computed(() => commands.value.filter((name) => name !== main.value && name !== "finish"));

  let giving = false;
  async function give(command: string, reason = ""): Promise<void> {
    if (giving) return;
    giving = true;
    const kept = await submit({
      kind: "move",
      task: task.value.task_id,
      plain: { command, expects: task.value.version },
      ...(reason ? { content: new TextEncoder().encode(reason) } : {}),
    });
    giving = false;
    if (kept === null) return; // what was typed stays
    declining.value = false;
    doubting.value = 0;
  }

  /** The button under a thumb means another move after the first tap: for a moment it rests. */
  const resting = ref(false);
  function press(command: string): void {
    if (resting.value) return;
    resting.value = true;
    setTimeout(() => (resting.value = false), TAP_MS);
    const all = files.get(task.value.task_id)?.checklist.length ?? 0;
    const left = all - ticksOf(task.value.task_id).size;
    if (NEEDS_REASON.has(command)) declining.value = true;
    else if (command === "finish" && left > 0 && doubting.value === 0) doubting.value = left;
    else void give(command);
  }
  return { main, beside, declining, doubting, resting, press, give };
}
