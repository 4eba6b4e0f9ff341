/** The texts of the library come with its pages: the first view of the map does not carry them. */

import { addTexts } from ".";

export const libraryTextsReady = addTexts({
  zh: () => import("./library_zh"),
  en: () => import("./library_en"),
});
