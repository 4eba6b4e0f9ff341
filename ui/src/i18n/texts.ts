/**
 * All texts: `pages` are sentences of the pages, `words` the vocabulary of the hub, `access` those about who may read
 * what, `partners` those about partners. Both languages, key by key.
 */

import enAccess from "./en/access.json";
import enPages from "./en/pages.json";
import enPartners from "./en/partners.json";
import enWords from "./en/words.json";
import zhAccess from "./zh/access.json";
import zhPages from "./zh/pages.json";
import zhPartners from "./zh/partners.json";
import zhWords from "./zh/words.json";

export const texts = {
  zh: { ...zhPages, ...zhWords, ...zhAccess, ...zhPartners },
  en: { ...enPages, ...enWords, ...enAccess, ...enPartners },
};
