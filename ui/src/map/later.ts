/** What lies over the map when a person asks for it: fetched when everything stands, not before the hub. */

import { defineAsyncComponent } from "vue";

export const fetchCard = () => import("../parts/chosen/ChosenCard.vue");
export const ChosenCard = defineAsyncComponent(fetchCard);
export const WayPanel = defineAsyncComponent(() => import("./WayPanel.vue"));
