// Keeps hashed assets and one static offline page; nothing that was rendered for a person, no answer of the API.
// Shows what is pushed, and answers a tap on it.
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

self.addEventListener('push', (event) => {
  const said = event.data?.json() ?? {};
  const { title, body, tag, url, bot, open, restart, at_ms: timestamp, quiet } = said;
  const actions = [{ action: 'open', title: open }];
  if (bot) actions.push({ action: 'restart', title: restart });
  const shown = { body, tag, timestamp, actions, data: { url, bot }, icon: '/icons/192.png', silent: quiet, renotify: !quiet };
  event.waitUntil(self.registration.showNotification(title ?? 'Chela', tag ? shown : { ...shown, renotify: false }));
});

/** To a page of ours: the window that shows it, else a new one; where none may be opened, one that is open goes there. */
async function visit(path) {
  const { href, origin } = new URL(path, location.origin);
  if (origin !== location.origin) return;
  const open = await self.clients.matchAll({ type: 'window' });
  const there = open.find((client) => client.url === href);
  if (there) await there.focus().catch(() => undefined);
  else await self.clients.openWindow(href).catch(() => open[0]?.navigate(href));
}

/** As the person whose cookie this browser has; whatever is refused is seen on the bot's page. */
async function restart({ bot, url }) {
  const answer = await fetch(`/api/bots/${encodeURIComponent(bot)}/restart`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  }).catch(() => null);
  if (!answer?.ok) await visit(url);
}

self.addEventListener('notificationclick', (event) => {
  const { data } = event.notification;
  event.notification.close();
  event.waitUntil(event.action === 'restart' && data?.bot ? restart(data) : visit(data?.url ?? '/alerts'));
});
