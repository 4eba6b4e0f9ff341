import { createApp } from "vue";
import App from "./App.vue";
import { i18n, loadTexts } from "./i18n";
import { router } from "./router";
import { lang } from "./state/prefs";
import "./style/base.css";

await loadTexts(lang.value);
createApp(App).use(i18n).use(router).mount("#app");
