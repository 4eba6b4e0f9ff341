/** Texts in both languages. A key exists in both or in none; a test says so. Only what is read is fetched. */

import { watch } from "vue";
import { createI18n } from "vue-i18n";
import type { Lang } from "../api/types";
import { lang } from "../state/prefs";

type Texts = Record<string, Record<string, unknown>>;
const FILES: Record<Lang, () => Promise<{ default: Texts }>> = {
  zh: () => import("./texts_zh"),
  en: () => import("./texts_en"),
};

export const i18n = createI18n<false>({ legacy: false, locale: lang.value, messages: {} });

/** Makes a language ready to be shown. Where it cannot be fetched, the page goes on in the one that it has. */
export async function loadTexts(which: Lang): Promise<boolean> {
  if (i18n.global.availableLocales.includes(which)) return true;
  try {
    i18n.global.setLocaleMessage(which, (await FILES[which]()).default as never);
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

watch(lang, async (value) => {
  if ((await loadTexts(value)) && lang.value === value) i18n.global.locale.value = value;
});
