/** Time left until a deadline, in the words and urgency that a card shows. */

export type Urgency = "none" | "calm" | "soon" | "late";

export interface Countdown {
  urgency: Urgency;
  /** Whole minutes left; negative once late; null without a clock. */
  minutes: number | null;
  /** `12 min`, `2:05 h`, `-3 min`; empty without a clock. Units are added by the caller's language. */
  sign: "" | "-";
  hours: number;
  rest: number;
}

export const SOON_MIN = 5;

/** Rounds towards the worse: 59 s left is 0 minutes left, 1 s late is late. */
export function countdown(deadlineMin: number | null | undefined, nowMs: number, soonMin = SOON_MIN): Countdown {
  if (deadlineMin === null || deadlineMin === undefined)
    return { urgency: "none", minutes: null, sign: "", hours: 0, rest: 0 };
  const leftMs = deadlineMin * 60_000 - nowMs;
  const minutes = Math.floor(leftMs / 60_000);
  const late = leftMs < 0;
  const size = late ? Math.ceil(-leftMs / 60_000) : minutes;
  return {
    urgency: late ? "late" : minutes < soonMin ? "soon" : "calm",
    minutes: late ? -size : minutes,
    sign: late ? "-" : "",
    hours: Math.floor(size / 60),
    rest: size % 60,
  };
}

/** `12 min`, `2 h 05 min`; for lengths of time without a deadline. */
export function spanParts(minutes: number): { hours: number; rest: number } {
  const whole = Math.max(0, Math.round(minutes));
  return { hours: Math.floor(whole / 60), rest: whole % 60 };
}
