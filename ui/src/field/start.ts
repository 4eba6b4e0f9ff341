/** What the shell tells the phone: who signed in, who signed out, and whether it may go on without a connection. */

import { watch } from "vue";
import { hasRole, me } from "../state/session";
import { keepSelf, keptSelf } from "./kept";
import { forgetMine } from "./mine";
import { lockUp, offlineSelf, refreshQueue, startSending } from "./outbox";
import { share } from "./position";
import { register } from "./worker";

/** Shows the page of who was signed in last, where nobody can be asked; returns false where nobody is known. */
export async function resumeKept(): Promise<boolean> {
  const kept = await keptSelf();
  if (kept === null) return false;
  offlineSelf.value = true;
  me.value = kept;
  return true;
}

/** Signed out, on purpose or by the server: nothing of the person stays but what waits to be sent, which is locked. */
async function forget(): Promise<void> {
  forgetMine();
  share(false);
  lockUp();
  offlineSelf.value = false;
  await keepSelf(null);
}

export function startField(): void {
  watch(
    () => me.value?.user,
    (user, before) => {
      void refreshQueue();
      if (user === undefined) {
        if (before !== undefined) void forget();
        return;
      }
      if (!hasRole("field_staff")) return;
      if (!offlineSelf.value) void keepSelf(me.value);
      startSending();
      register();
    },
    { immediate: true },
  );
}
