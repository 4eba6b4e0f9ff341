/** Texts in both languages. A key exists in both or in none; a test says so. */

import { watch } from "vue";
import { createI18n } from "vue-i18n";
import { lang } from "../state/prefs";
import { texts } from "./texts";

export const i18n = createI18n({ legacy: false, locale: lang.value, fallbackLocale: "en", messages: texts });

watch(lang, (value) => {
  i18n.global.locale.value = value;
});
