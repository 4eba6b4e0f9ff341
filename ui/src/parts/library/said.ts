/** What the pages of the library say in the same words everywhere: lengths, moments, who was given, which rows. */

import { useWords } from "../../i18n/use";
import { maskParts } from "../../logic/library_masks";
import { spanOf } from "../../logic/library_spans";
import { frame } from "../../state/library_known";
import { realNear } from "../../state/real";

export function useSaid() {
  const { t, te, word, named } = useWords();
  const spanMs = (ms: number): string => {
    const { unit, n } = spanOf(ms);
    return t(`library.${unit}`, { n });
  };
  const spanMin = (minutes: number): string => spanMs(minutes * 60_000);
  const list = (values: readonly string[]): string => values.join(t("library.comma"));
  const momentMs = (ms: number): string => realNear(Math.floor(ms / 60_000));

  /** `agency:street_1` and the like, in words. */
  function grantee(id: string, names: (id: string) => string = (one) => one): string {
    const [kind = "", name = ""] = id.split(/:(.*)/s);
    if (kind === "scene") return t("library.grantee_scene", { name: word("scene", name) });
    const partner = kind === "partner" ? frame.value?.partners.find((one) => one.id === name) : undefined;
    if (partner) return t("library.grantee_partner", { name: named(partner.title) });
    return ["agency", "user", "partner"].includes(kind) ? t(`library.grantee_${kind}`, { name: names(name) }) : id;
  }
  function mask(name: string): string {
    const { word: key, a, b } = maskParts(name);
    return te(`lib_mask.${key}`) ? t(`lib_mask.${key}`, { a, b }) : name;
  }
  return { mask, spanMs, spanMin, list, momentMs, grantee };
}
