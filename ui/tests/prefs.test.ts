// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { nextTick } from "vue";
import { lang, takeLang } from "../src/state/prefs";

test("the language of an account holds for that account; one chosen on the device holds for all", async () => {
  takeLang("zh");
  await nextTick();
  expect([lang.value, localStorage.getItem("hubtwin.lang")]).toEqual(["zh", null]);
  takeLang("en");
  await nextTick();
  expect(lang.value).toBe("en");
  lang.value = "zh";
  await nextTick();
  expect(localStorage.getItem("hubtwin.lang")).toBe("zh");
  takeLang("en");
  await nextTick();
  expect(lang.value).toBe("zh");
});
