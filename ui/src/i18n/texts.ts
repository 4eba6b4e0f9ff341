/**
 * All texts: `pages` are sentences of the pages, `words` the vocabulary of the hub, `access` those about who may read
 * what, `partners` those about partners, `frame` those of the frame around the pages, `map` those of the panorama,
 * `phone` those of field staff. Both languages, key by key: for tests, since a page fetches the one that is read.
 */

import en from "./texts_en";
import zh from "./texts_zh";

export const texts = { zh, en };
