/** Texts in both languages. A key exists in both or in none; a test says so. Only what is read is fetched. */

import { watch } from "vue";
import { createI18n } from "vue-i18n";
import type { Lang } from "../api/types";
import { lang } from "../state/prefs";

type Files = Record<Lang, () => Promise<{ default: object }>>;
const FILES: Files = {
  zh: () => import("./texts_zh"),
  en: () => import("./texts_en"),
};
/** Files of texts by which languages of them are there: those of every page, and those that some pages bring along. */
const groups = new Map<Files, Set<Lang>>([[FILES, new Set()]]);

export const i18n = createI18n<false>({ legacy: false, locale: lang.value, messages: {} });

/** Makes a language ready to be shown. Where it cannot be fetched, the page goes on in the one that it has. */
export async function loadTexts(which: Lang): Promise<boolean> {
  try {
    for (const [files, there] of groups) {
      if (there.has(which)) continue;
      i18n.global.mergeLocaleMessage(which, (await files[which]()).default);
      there.add(which);
    }
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

/** Takes in the texts of some pages, in the language that is read now and in each one that is read later. */
export function addTexts(files: Files): Promise<boolean> {
  groups.set(files, new Set());
  return loadTexts(lang.value);
}

watch(lang, async (value) => {
  if ((await loadTexts(value)) && lang.value === value) i18n.global.locale.value = value;
});
