// Keeps hashed assets and one static offline page; nothing that was rendered for a person, no answer of the API.
const CACHE = 'chela-1';
const OFFLINE = '/offline.html';
/** The offline page and what it shows. */
const STATIC = [OFFLINE, '/offline.css', '/favicon.svg'];
/** A file whose name carries its content's hash never changes. */
const HASHED = /^\/pkg\/.+\.[A-Za-z0-9_-]{16,}\.(js|wasm|css)$/;
const FONT = /^\/fonts\/.+\.woff2$/;
/** The most files kept: old builds go first. */
const MOST = 200;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(STATIC)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== CACHE).map((n) => caches.delete(n))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

async function kept(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    const all = await cache.keys();
    const spare = all.filter((entry) => !STATIC.includes(new URL(entry.url).pathname));
    await Promise.all(spare.slice(0, Math.max(0, spare.length - MOST)).map((entry) => cache.delete(entry)));
  }
  return answer;
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (HASHED.test(url.pathname) || FONT.test(url.pathname)) {
    event.respondWith(kept(request));
  } else if (STATIC.includes(url.pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(request)));
  } else if (request.mode === 'navigate') {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  }
});
