/** All texts: `pages` are sentences of the pages, `words` the vocabulary of the hub. Both languages, key by key. */

import enPages from "./en/pages.json";
import enWords from "./en/words.json";
import zhPages from "./zh/pages.json";
import zhWords from "./zh/words.json";

export const texts = { zh: { ...zhPages, ...zhWords }, en: { ...enPages, ...enWords } };
