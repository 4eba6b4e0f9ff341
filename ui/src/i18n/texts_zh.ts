/** The texts of the first view in one language, one file a topic; see `texts.ts`. */

import frame from "./zh/frame.json";
import map from "./zh/map.json";
import pages from "./zh/pages.json";
import phone from "./zh/phone.json";
import words from "./zh/words.json";

export default { ...pages, ...words, ...frame, ...map, ...phone };
