/** The basket that is being filled: it lasts as long as the tab, for the person who fills it. */

import { computed, ref, watch } from "vue";
import { type DraftItem, draftOf } from "../logic/library_apply";
import { me } from "./session";

export const items = ref<DraftItem[]>([]);
export const inBasket = computed(() => new Set(items.value.map((one) => one.dataset)));

const slot = (): string => `hubtwin.basket.${me.value?.user ?? ""}`;

function kept(): DraftItem[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(slot()) ?? "[]");
    return Array.isArray(found) ? (found as DraftItem[]).filter((one) => typeof one.dataset === "string") : [];
  } catch {
    return [];
  }
}

/** Puts a dataset in, or takes it out where it is in. */
export function toggle(dataset: string, columns: readonly string[] = []): void {
  items.value = inBasket.value.has(dataset)
    ? items.value.filter((one) => one.dataset !== dataset)
    : [...items.value, draftOf(dataset, columns)];
}

export function empty(): void {
  items.value = [];
}

watch(
  () => me.value?.user,
  () => (items.value = me.value ? kept() : []),
  { immediate: true },
);
watch(
  items,
  (value) => {
    try {
      if (me.value) sessionStorage.setItem(slot(), JSON.stringify(value));
    } catch {
      // A browser that keeps nothing: the basket lasts until the page is loaded anew.
    }
  },
  { deep: true },
);
