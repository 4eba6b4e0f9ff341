/** Who is signed in. The cookie is the server's; the page only knows the person. */

import { ref } from "vue";
import { ApiError, get, post, remove, whenSignedOut } from "../api/client";
import type { Me } from "../api/types";
import { takeLang } from "./prefs";

export const me = ref<Me | null>(null);
/** False until it is known whether a session stands. */
export const asked = ref(false);

whenSignedOut(() => {
  me.value = null;
});

export async function resume(): Promise<void> {
  try {
    me.value = await get<Me>("/me");
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error;
    me.value = null;
  } finally {
    asked.value = true;
  }
}

/** Looks whether this person may still do the same; roles that were given or taken away begin the page anew. */
export async function lookAgain(): Promise<void> {
  const before = me.value;
  try {
    const now = await get<Me>("/me");
    if (before !== null && before === me.value && rights(now) !== rights(before)) me.value = now;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // a session that is over says so itself
  }
}

/** What decides on what a page may show. */
export const rights = (one: Me | null): string =>
  one === null ? "" : JSON.stringify([one.user, [...one.may].sort(), [...one.roles].sort(), one.team]);

export async function signIn(user: string, password: string): Promise<void> {
  const person = await post<Me>("/session", { user, password });
  takeLang(person.lang);
  me.value = person;
}

/** What must be said before the session ends; what fails is not waited for. */
export const leaving = new Set<() => Promise<void>>();

export async function signOut(): Promise<void> {
  await Promise.allSettled([...leaving].map((say) => say()));
  await remove("/session");
  me.value = null;
}

/** Whether this person may do something in any scene; the server checks again. */
export function may(action: string): boolean {
  return me.value?.may.some((one) => one === action || one.startsWith(`${action}:`)) ?? false;
}

export function hasRole(...roles: string[]): boolean {
  return me.value?.roles.some((role) => roles.includes(role)) ?? false;
}
