/**
 * All texts of the library: `library` those of every page of it, `shelf` the catalogue, `basket` applying and deciding,
 * `desk` the pages of who decides, `back` what streets send back, `ask` questions to it, `govern` quality and
 * loading, `send` what leaves through channels. Both languages, for tests.
 */

import en from "./library_en";
import zh from "./library_zh";

export const libraryTexts = { zh, en };
