/* The shell of the page on this phone, and nothing else: no answer of the API is ever kept here. The build fills in the
   version, and the files that it made, whose names carry a hash of their content. */

const VERSION = "__VERSION__";
const FILES = __FILES__;
const CACHE = `hubtwin-shell-${VERSION}`;
const PAGE = "/index.html";
const WAIT_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })))),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (/^\/(api|health|metrics)(\/|$)/.test(url.pathname)) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else event.respondWith(file(request));
});

/** The page as the hub serves it now; as it is kept here where the hub does not answer soon. */
async function page(request) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), WAIT_MS);
  try {
    const answer = await fetch(request, { signal: late.signal });
    if (answer.ok || answer.status < 500) return answer;
  } catch {
    // no connection: the kept one
  } finally {
    clearTimeout(timer);
  }
  return (await kept(PAGE)) ?? Response.error();
}

async function file(request) {
  return (await kept(request)) ?? fetch(request);
}

async function kept(request) {
  const cache = await caches.open(CACHE);
  return cache.match(request, { ignoreVary: true });
}
