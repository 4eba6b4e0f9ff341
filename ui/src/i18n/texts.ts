/**
 * All texts: `pages` are sentences of the pages, `words` the vocabulary of the hub, `access` those about who may read
 * what, `partners` those about partners, `frame` those of the frame around the pages, `map` those of the panorama,
 * `phone` those of field staff. Those of `access` and `partners` come with their pages. Both languages, key by key: for
 * tests, since a page fetches the one that is read.
 */

import laterEn from "./later_en";
import laterZh from "./later_zh";
import en from "./texts_en";
import zh from "./texts_zh";

export const texts = { zh: { ...zh, ...laterZh }, en: { ...en, ...laterEn } };
