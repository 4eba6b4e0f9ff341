/** What a new hub still lacks, in the order in which it is done. */

export interface Begun {
  hasVenue: boolean;
  /** Sources that have ever given a row. */
  telling: number;
  /** Anything that is sensed or known of now. */
  sensed: number;
}

export interface Step {
  name: "venue" | "sources" | "people";
  done: boolean;
}

/** The three steps, or none where the hub is at work. Who reads this has signed in, so people are the last to be asked. */
export function firstSteps({ hasVenue, telling, sensed }: Begun): Step[] {
  if (telling > 0 || sensed > 0) return [];
  return [
    { name: "venue", done: hasVenue },
    { name: "sources", done: false },
    { name: "people", done: false },
  ];
}
