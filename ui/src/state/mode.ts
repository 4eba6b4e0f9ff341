/** Whether the page shows the present or a past minute. Only `state/view.ts` changes it. */

import { computed, ref } from "vue";

/** `paused`: a past minute that stands still; `replay`: a past minute that runs. */
export type ViewMode = "live" | "paused" | "replay";

export const viewMode = ref<ViewMode>("live");
export const isLive = computed(() => viewMode.value === "live");

/** Whether the page that is open is about now, whatever minute the map shows. The router sets it. */
export const isOfNow = ref(false);
