/** All texts in one language, one file a topic; see `texts.ts`. */

import access from "./zh/access.json";
import frame from "./zh/frame.json";
import map from "./zh/map.json";
import pages from "./zh/pages.json";
import partners from "./zh/partners.json";
import phone from "./zh/phone.json";
import words from "./zh/words.json";

export default { ...pages, ...words, ...access, ...frame, ...map, ...partners, ...phone };
