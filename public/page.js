// What pages can do without wasm: dialogs, menus, copying, looks, sending with Enter.
// Every listener sits on the document and goes by `data-` attributes, so it works before, with and without hydration.

const root = document.documentElement;

/** `data-download="<id>"`: the children of each item of that list, a line each, as a text file. */
function download({ download: list, name }) {
  const words = (item) => [...item.children].map((part) => part.dateTime ?? part.textContent).join(' ');
  const text = [...document.getElementById(list).children].map((item) => `${words(item)}\n`).join('');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** How many rows of a form are selected stands at it, for the styles. */
function count(form) {
  if (form?.querySelector('[data-pick]')) form.dataset.picked = form.querySelectorAll('[data-pick]:checked').length;
}
document.addEventListener('reset', ({ target }) => queueMicrotask(() => count(target)), true);

/** `data-compare`: the first two selected rows side by side. */
function compare(form) {
  const [left, right] = [...form.querySelectorAll('[data-pick]:checked')].map((row) => row.value);
  if (right) location.assign(`/bots/compare?${new URLSearchParams({ left, right })}`);
}

/** Remembers a look for a year; the server reads it for the next page. */
function remember(name, value) {
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `chela_${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

/** Whose days are meant where sums are told by day. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (/^[A-Za-z0-9_+/-]{1,64}$/.test(zone ?? '') && !document.cookie.includes(`chela_zone=${zone}`)) remember('zone', zone);

/** `data-flip="rail=icons"`: sets that look, or takes it back. */
function flip(setting) {
  const [name, value] = setting.split('=');
  const next = root.dataset[name] === value ? '' : value;
  if (next) root.dataset[name] = next;
  else delete root.dataset[name];
  remember(name, next || 'none');
}

/** A choice of look by a radio `<input data-look="theme" value="dark">`. */
function look(name, value) {
  remember(name, value);
  if (name === 'locale') location.reload();
  else if (value === 'none') delete root.dataset[name];
  else root.dataset[name] = value;
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.dataset.copied = 'true';
  button.addEventListener('pointerleave', () => delete button.dataset.copied, { once: true });
  button.addEventListener('blur', () => delete button.dataset.copied, { once: true });
}

document.addEventListener('click', (event) => {
  const on = (selector) => event.target.closest?.(selector);
  const opener = on('[data-open]');
  if (opener) {
    const dialog = document.getElementById(opener.dataset.open);
    if (dialog && !dialog.open) dialog.showModal();
    return;
  }
  // A click on the dialog itself is one beside its content.
  if (on('[data-close]') || event.target instanceof HTMLDialogElement) event.target.closest('dialog')?.close();
  const flipper = on('[data-flip]');
  if (flipper) flip(flipper.dataset.flip);
  const saver = on('[data-download]');
  if (saver) download(saver.dataset);
  const pair = on('[data-compare]');
  if (pair) compare(pair.form);
  const copier = on('[data-copy]');
  if (copier) void copy(copier).catch(() => getSelection().selectAllChildren(copier.parentElement));
  for (const menu of document.querySelectorAll('details[data-menu][open]')) {
    if (!menu.contains(event.target) || on('a, button')) menu.open = false;
  }
});

/** `data-into="<id>"`: the text of the chosen file stands in that field. */
async function fillFrom(input) {
  const field = document.getElementById(input.dataset.into);
  const [file] = input.files;
  if (!file) return;
  // A little more than is taken: too long a file is refused by name, whatever its size.
  field.value = await file.slice(0, 300 * 1024).text();
  // So that the same file, mended, can be chosen once more.
  input.value = '';
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

document.addEventListener('change', (event) => {
  const { look: name, into } = event.target.dataset;
  if (name) look(name, event.target.value);
  if (into) void fillFrom(event.target);
  // `data-picks-all`: every row of the form follows.
  if (event.target.matches('[data-picks-all]')) {
    for (const row of event.target.form.querySelectorAll('[data-pick]:enabled')) row.checked = event.target.checked;
  }
  count(event.target.form);
  if (event.target.matches('[data-submits]')) event.target.form.requestSubmit();
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    for (const menu of document.querySelectorAll('details[data-menu][open]')) {
      menu.open = false;
      menu.querySelector('summary')?.focus();
    }
  }
  const box = event.target;
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && box.matches?.('[data-enter-sends]')) {
    event.preventDefault();
    const button = box.form?.querySelector('button:not([type=button])');
    if (box.value.trim() !== '' && !button?.disabled) box.form.requestSubmit();
  }
});

/** `form[data-upload]`: its file is the body, its other fields the query; what is said stands in its `[data-said]`. */
async function upload(form) {
  const asked = new URLSearchParams();
  let file;
  for (const [name, value] of new FormData(form)) {
    if (value instanceof File) file = value;
    else if (value.trim()) asked.set(name, value.trim());
  }
  const button = form.querySelector('button:not([type=button])');
  button.disabled = true;
  for (const field of form.elements) field.removeAttribute('aria-invalid');
  const answer = await fetch(`${form.action}?${asked}`, { method: 'POST', body: file }).catch(() => null);
  const said = await answer?.json().catch(() => null);
  button.disabled = false;
  if (answer?.ok) location.assign(`/bots/${said.slug}/overview`);
  else {
    form.querySelector('[data-said]').textContent = [said?.detail, said?.hint].filter(Boolean).join(' ') || `${answer?.status ?? 'offline'}`;
    const field = form.elements[said?.errors?.[0]?.pointer.slice(1)];
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
  }
}
document.addEventListener('submit', (event) => {
  if (!event.target.matches('form[data-upload]')) return;
  event.preventDefault();
  void upload(event.target);
});

/** An alert about what was sent last says nothing about what is being typed, or sent, now. */
function forgetAlert(event) {
  const near = event.target.closest?.('form')?.parentElement?.closest(':has(> .failure)');
  for (const failure of near?.querySelectorAll(':scope > .failure[data-news]') ?? []) failure.dataset.news = 'past';
}
for (const name of ['input', 'submit', 'invalid']) document.addEventListener(name, forgetAlert, true);

// Until the page is taken over, what a person presses is the browser's own: links load, forms post. Its program has begun by
// then, and would change the address below what it is still comparing with the server's page.
const taken = () => root.dataset.hydrated !== undefined;
const shown = location.pathname + location.search;
document.addEventListener('click', (event) => {
  if (!taken() && event.target.closest?.('a[href]')) event.stopPropagation();
});
addEventListener('submit', (event) => {
  if (!taken() && !event.target.matches('[data-upload], [data-passkey]')) event.stopPropagation();
}, true);
addEventListener('popstate', (event) => {
  if (taken() || location.pathname + location.search === shown) return;
  event.stopImmediatePropagation();
  location.reload();
}, true);

/** On a narrow screen the tab that is open may lie beyond the edge. */
for (const tab of document.querySelectorAll('.tabs [aria-current=page]')) {
  tab.scrollIntoView({ block: 'nearest', inline: 'center' });
}

/** Scripts ran, the page's own program did not: it says so instead of connecting for ever. */
function still() {
  if (!root.dataset.hydrated) root.dataset.still = 'true';
}
setTimeout(still, 15_000);

// The newest assets are served anyway when this fails; the worker only helps offline.
if ('serviceWorker' in navigator && window.isSecureContext) {
  addEventListener('load', () => navigator.serviceWorker.register('/sw.js').catch(() => {}), { once: true });
}

// A page that was open while Chela was updated may ask for chunks that are gone.
addEventListener('unhandledrejection', (event) => {
  const text = String(event.reason?.message ?? event.reason ?? '');
  if (/dynamically imported module|WebAssembly|split|fetch|wasm/i.test(text)) still();
});
