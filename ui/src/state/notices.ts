/** Notices of what has gone up to this person, on every page; asked for again and again while somebody is signed in. */

import { computed, ref, shallowRef } from "vue";
import { ApiError, get } from "../api/client";
import type { NoticesReply, NoticeView } from "../api/library";
import { unseenOf } from "../logic/library_notices";
import { may } from "./session";

const AGAIN_MS = 15_000;
const KEY = "hubtwin.notices_seen";
const KEEP = 500;
const CONCERNED = ["basket.read", "basket.agree", "share.review", "order.answer", "addition.answer"] as const;

export const notices = shallowRef<readonly NoticeView[]>([]);
/** Why they are not known; empty while they are. */
export const noticesProblem = ref("");
const seen = ref<ReadonlySet<string>>(readSeen());
export const unseen = computed(() => unseenOf(notices.value, seen.value));
let timer: ReturnType<typeof setInterval> | undefined;

function readSeen(): Set<string> {
  try {
    return new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as string[]);
  } catch {
    return new Set();
  }
}

/** Puts notices aside for this session; one that goes up a step further comes back. */
export function putAside(keys: Iterable<string>): void {
  seen.value = new Set([...seen.value, ...keys].slice(-KEEP));
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...seen.value]));
  } catch {
    // Without storage they come back after a reload, which errs on the safe side.
  }
}

export async function loadNotices(): Promise<void> {
  try {
    notices.value = (await get<NoticesReply>("/library/notices")).notices;
    noticesProblem.value = "";
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    noticesProblem.value = error.message || error.key; // what was known stays: it went up, and nothing says that it is done
  }
}

export function startNotices(): void {
  stopNotices();
  if (!CONCERNED.some(may)) return;
  void loadNotices();
  timer = setInterval(() => void loadNotices(), AGAIN_MS);
}

export function stopNotices(): void {
  clearInterval(timer);
  timer = undefined;
}

/** Ends with the session: the next person has seen nothing. */
export function forgetNotices(): void {
  stopNotices();
  notices.value = [];
  seen.value = new Set();
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}
