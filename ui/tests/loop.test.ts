import { expect, test } from "vitest";
import { loopRows, stepRows } from "../src/logic/loop";

const times = { sensed: 10, warned: 12, dispatched: null, accepted: 20, on_site: null, closed: null };

test("a skipped step counts with the next one, an unreached step is no data", () => {
  expect(loopRows([{ train: "G1", times }])).toEqual([{ train: "G1", stretches: [2, null, 8, null, null] }]);
});

test("a train that was never sensed has no row", () => {
  expect(loopRows([{ train: "G1", times: { ...times, sensed: null } }])).toEqual([]);
});

test("steps are in the order of the loop", () => {
  const row = (step: string) => ({ step, count: 1, p50_min: 1, p95_min: 2 });
  expect(stepRows([row("closed"), row("warned"), row("unknown")]).map((one) => one.step)).toEqual(["warned", "closed"]);
});
