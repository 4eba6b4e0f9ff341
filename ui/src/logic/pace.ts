/** Speeds of a simulated hub's clock: hub seconds per second. 0 is a pause. */

export const SPEEDS = [1, 10, 60, 120, 300, 600] as const;

/** What the one button does: pause what runs, go on as before with what is paused. */
export function nextSpeed(speed: number, before: number): number {
  if (speed > 0) return 0;
  return before > 0 ? before : 1;
}
