/** All texts in one language, one file a topic; see `texts.ts`. */

import access from "./en/access.json";
import frame from "./en/frame.json";
import map from "./en/map.json";
import pages from "./en/pages.json";
import partners from "./en/partners.json";
import phone from "./en/phone.json";
import words from "./en/words.json";

export default { ...pages, ...words, ...access, ...frame, ...map, ...partners, ...phone };
