/** The service worker: keeps the shell of the page on the phone, and says when the hub serves a newer one. */

import { ref } from "vue";

/** Set once a newer page is ready; reloading shows it. */
export const newer = ref<ServiceWorker | null>(null);
let registered = false;

export function register(): void {
  if (registered || !("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  registered = true;
  void navigator.serviceWorker.register("/sw.js", { scope: "/" }).then(
    (found) => {
      const look = (): void => {
        // The first one has nothing to take over from.
        if (found.waiting && navigator.serviceWorker.controller) newer.value = found.waiting;
      };
      look();
      found.addEventListener("updatefound", () => {
        found.installing?.addEventListener("statechange", look);
      });
    },
    () => undefined,
  );
}

/** Lets the newer page take over; what waits to be sent stays where it is. */
export function reload(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  newer.value?.postMessage("take over");
}
