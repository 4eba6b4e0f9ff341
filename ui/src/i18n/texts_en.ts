/** The texts of the first view in one language, one file a topic; see `texts.ts`. */

import frame from "./en/frame.json";
import map from "./en/map.json";
import pages from "./en/pages.json";
import phone from "./en/phone.json";
import words from "./en/words.json";

export default { ...pages, ...words, ...frame, ...map, ...phone };
