/**
 * All texts: `pages` are sentences of the pages, `words` the vocabulary of the hub, `access` those about who may read
 * what, `partners` those about partners, `frame` those of the frame around the pages, `map` those of the panorama,
 * `phone` those of field staff. Both languages, key by key.
 */

import enAccess from "./en/access.json";
import enPhone from "./en/phone.json";
import enFrame from "./en/frame.json";
import enMap from "./en/map.json";
import enPages from "./en/pages.json";
import enPartners from "./en/partners.json";
import enWords from "./en/words.json";
import zhAccess from "./zh/access.json";
import zhPhone from "./zh/phone.json";
import zhFrame from "./zh/frame.json";
import zhMap from "./zh/map.json";
import zhPages from "./zh/pages.json";
import zhPartners from "./zh/partners.json";
import zhWords from "./zh/words.json";

export const texts = {
  zh: { ...zhPages, ...zhWords, ...zhAccess, ...zhFrame, ...zhMap, ...zhPartners, ...zhPhone },
  en: { ...enPages, ...enWords, ...enAccess, ...enFrame, ...enMap, ...enPartners, ...enPhone },
};
