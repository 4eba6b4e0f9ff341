// @vitest-environment happy-dom
import { mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { defineComponent } from "vue";
import type { Thing } from "../src/api/panorama";
import { i18n, loadTexts } from "../src/i18n";
import { useSaid } from "../src/parts/chosen/said";
import { lang } from "../src/state/prefs";

await Promise.all([loadTexts("zh"), loadTexts("en")]);

const thing = (kind: string, values: Thing["values"]): Thing => ({
  id: `${kind}:x`,
  kind,
  at_ms: 0,
  source: "weather",
  place: "",
  lon: null,
  lat: null,
  level: "",
  values,
  synthetic: true,
});

function said(): ReturnType<typeof useSaid> {
  let found: ReturnType<typeof useSaid> | null = null;
  const Part = defineComponent({ setup: () => ((found = useSaid()), () => null) });
  mount(Part, { global: { plugins: [i18n] } });
  return found!;
}

test("a warning and the weather are told in the language of the page, and a text that nobody knows as it came", () => {
  const warning = thing("warning", {
    headline: "大雾黄色预警",
    headline_en: "Fog, yellow",
    event: "大雾",
    event_en: null,
  });
  const { titleOf, rowsOf, valueOf } = said();
  for (const [language, title, fog] of [
    ["zh", "大雾黄色预警", "雾"],
    ["en", "Fog, yellow", "Fog"],
  ] as const) {
    lang.value = language;
    i18n.global.locale.value = language;
    expect(titleOf(warning)).toBe(title);
    expect(valueOf("text", "雾")).toBe(fog);
    expect(valueOf("text", "冰雹")).toBe("冰雹");
    // Where the source has no English text, the one that it has is better than none.
    expect(rowsOf(warning).find((row) => row.name === "event")?.text).toBe("大雾");
    expect(rowsOf(warning).map((row) => row.name)).toEqual(["headline", "event"]);
  }
});
