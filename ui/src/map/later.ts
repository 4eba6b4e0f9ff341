/** What lies over the map when a person asks for it: fetched when everything stands, not before the hub. */

import { defineAsyncComponent } from "vue";

const card = () => import("../parts/chosen/ChosenCard.vue");
const way = () => import("./WayPanel.vue");
export const ChosenCard = defineAsyncComponent(card);
export const WayPanel = defineAsyncComponent(way);

/** Fetches them before anybody asks, so that they are there when the connection is not. */
export const fetchPanels = (): Promise<unknown> => Promise.all([card(), way()]).catch(console.error);
