/** The first view is the hub, else the lines that lead to it; after that only a person moves the camera. */

import { computed } from "vue";
import { loading } from "../state/desk";
import { venueState } from "../state/venue";

const LINES = ["stations", "trains", "positions"] as const;
const settled = (topic: (typeof LINES)[number]): boolean => ["ready", "failed"].includes(loading[topic].state);

/** Whether it is known which of both it is. */
export const known = computed(
  () => venueState.value === "ready" || (["none", "failed"].includes(venueState.value) && LINES.every(settled)),
);
