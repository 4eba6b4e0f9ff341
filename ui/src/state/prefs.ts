/** What a person prefers on this device: language, light or dark. Both change in place. */

import { ref, watch } from "vue";
import { setLanguage } from "../api/client";
import type { Lang } from "../api/types";

type Theme = "light" | "dark";

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing still works; the choice then lasts for this page.
  }
}

const told = read("hubtwin.lang") ?? document.cookie.match(/(?:^|;\s*)lang=(zh|en)/)?.[1];
const wishesDark = typeof matchMedia === "function" && matchMedia("(prefers-color-scheme: dark)").matches;

export const lang = ref<Lang>(
  told === "zh" || told === "en" ? told : navigator.language.startsWith("zh") ? "zh" : "en",
);

/** The language of the account, which is no choice made on this device: the next account brings its own. */
let taken: string | null = null;

/** Takes the language of an account, unless this device has one chosen. */
export function takeLang(told: string): void {
  if (read("hubtwin.lang") !== null || (told !== "zh" && told !== "en")) return;
  taken = told;
  lang.value = told;
}

export const theme = ref<Theme>((read("hubtwin.theme") as Theme | null) ?? (wishesDark ? "dark" : "light"));

watch(
  lang,
  (value, before) => {
    if (before !== undefined && value !== taken) keep("hubtwin.lang", value);
    taken = null;
    document.cookie = `lang=${value}; path=/; SameSite=Strict; max-age=31536000`;
    document.documentElement.lang = value === "zh" ? "zh-CN" : "en";
    document.querySelector?.('link[rel="manifest"]')?.setAttribute("href", `/manifest.${value}.webmanifest`);
    setLanguage(value);
  },
  { immediate: true },
);

watch(
  theme,
  (value, before) => {
    if (before !== undefined) keep("hubtwin.theme", value);
    document.documentElement.dataset.theme = value;
  },
  { immediate: true },
);
