/** The way of one item of a basket as a row of steps; "active" is reached only where the server says so. */

export type StepMark = "done" | "now" | "next" | "ended";
export interface ItemStep {
  name: string;
  mark: StepMark;
}

const WAY = ["submitted", "approved", "provisioning", "probed", "active"] as const;
const PLACE: Record<string, number> = { submitted: 0, agreed: 0, approved: 1, provisioning: 2, probed: 3 };

/**
 * The steps of an item by its state. While it waits the step it stands on is "now"; an active one has done them all.
 * What ended otherwise shows how far it is known to have come (it was active where a share stood behind it) and its end.
 */
export function itemSteps(state: string): ItemStep[] {
  const all = (mark: StepMark): ItemStep[] => WAY.map((name) => ({ name, mark }));
  if (state === "active") return all("done");
  if (state === "expiring") return [...all("done").slice(0, 4), { name: "expiring", mark: "now" }];
  if (["expired", "revoked", "suspended"].includes(state))
    return [...all("done").slice(0, 2), { name: state, mark: "ended" }];
  if (["refused", "withdrawn"].includes(state))
    return [
      { name: "submitted", mark: "done" },
      { name: state, mark: "ended" },
    ];
  const place = PLACE[state];
  if (place === undefined) return all("next");
  return WAY.map((name, index) => {
    const mark = index < place ? "done" : index === place ? "now" : "next";
    return { name: index === 0 && state === "agreed" ? "agreed" : name, mark };
  });
}

export const isReadable = (state: string): boolean => state === "active" || state === "expiring";
export const isWaiting = (state: string): boolean => state === "submitted" || state === "agreed";
export const isEnded = (state: string): boolean => ["expired", "revoked", "refused", "withdrawn"].includes(state);
