// Passkeys: enrolling by a one-time link, one more for who is signed in, signing in, signing out.
// A plain script, so that it works where wasm is blocked. The words it shows stand in the page, hidden until needed.

const JSON_POST = (body) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', accept: 'application/json' },
  credentials: 'same-origin',
  cache: 'no-store',
  body: JSON.stringify(body),
});

/** What the server refused, with the words it gave. */
class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.message ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem.code ?? '';
    this.hint = problem.hint ?? '';
    this.requestId = problem.request_id ?? '';
  }
}

async function post(path, body) {
  const answer = await fetch(`/api/auth/${path}`, JSON_POST(body));
  const text = await answer.text();
  const parsed = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Refused(answer.status, parsed);
  return parsed;
}

const supported = () =>
  typeof PublicKeyCredential === 'function' &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function' &&
  typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function';

/** The `publicKey` part, whether or not the server wrapped it. */
const inner = (options) => options.publicKey ?? options;

async function create(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(inner(options));
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

async function request(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(inner(options));
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

// --- what the page says -------------------------------------------------------------------------------------------

/** Shows the one message of that name and hides the others. Its slots are filled with `words`. */
function say(name, words = {}) {
  for (const note of document.querySelectorAll('[data-passkey-say]')) {
    note.hidden = note.dataset.passkeySay !== name;
    if (note.hidden) continue;
    for (const slot of note.querySelectorAll('[data-slot]')) slot.textContent = words[slot.dataset.slot] ?? '';
  }
}

function busy(form, on) {
  for (const button of form.querySelectorAll('button')) {
    button.disabled = on;
    if (on) button.setAttribute('aria-busy', 'true');
    else button.removeAttribute('aria-busy');
  }
}

/** A failure: the browser's in the page's own calm words, the server's with what it said and what to do. */
function explain(error) {
  const name = error?.name;
  if (name === 'NotAllowedError' || name === 'AbortError') return say('cancelled');
  if (name === 'InvalidStateError') return say('already');
  if (error instanceof Refused) {
    return say('error', { message: error.message, hint: error.hint, id: error.requestId });
  }
  if (error instanceof TypeError) return say('offline');
  return say('error', { message: String(error?.message ?? error) });
}

// --- one-time links -----------------------------------------------------------------------------------------------

/** The token of the link that led here. It lives in this variable only; the address bar forgets it. */
let token = '';
/** Whom and what the link is for, once the server has said. */
let link = Promise.resolve(null);

/** Takes the form away that a link would have opened. */
function shut(why) {
  document.querySelector('[data-passkey="register"]').hidden = true;
  if (why) say(why);
}

/** Asks for a name where the link knows none; until that is known the field is not there to be typed into in vain. */
function askName(wanted) {
  for (const field of document.querySelectorAll('[data-enrol-name]')) {
    field.hidden = !wanted;
    const input = field.querySelector('input');
    if (input) input.required = wanted;
  }
  document.querySelector('[data-passkey="register"]').dataset.looked = '';
}

async function look() {
  let info = null;
  try {
    info = await post('link', { token });
  } finally {
    askName(!info?.user_name);
  }
  for (const part of document.querySelectorAll('[data-link-kind]')) {
    part.hidden = !part.dataset.linkKind.split(' ').includes(info.kind);
    const slot = part.querySelector('[data-user]');
    if (slot) slot.textContent = info.user_name ?? '';
  }
  return info;
}

function openLink() {
  if (!document.querySelector('[data-passkey="register"]')) return;
  if (location.hash.length > 1) {
    token = decodeURIComponent(location.hash.slice(1));
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  if (!supported()) return say('unsupported');
  if (!token) return shut('no-link');
  link = look();
  link.catch((error) => {
    explain(error);
    // A link that does not hold opens nothing: no form pretends that it did.
    if (error instanceof Refused && error.status < 500 && error.status !== 429) shut();
  });
}

// --- ceremonies ---------------------------------------------------------------------------------------------------

async function register(form) {
  if (!token) return say('no-link');
  await link.catch(() => null);
  // The field may have come up after the button was pressed.
  if (!form.reportValidity()) return;
  const started = await post('register/start', {
    token,
    user_name: form.elements.user_name?.value.trim() || null,
    passkey_name: null,
  });
  const credential = await create(started.options);
  const done = await post('register/finish', { ceremony: started.ceremony, token, credential });
  location.assign(done.redirect ?? '/');
}

async function add(form) {
  const started = await post('register/start', {
    token: null,
    user_name: null,
    passkey_name: form.elements.passkey_name?.value.trim() || null,
  });
  const credential = await create(started.options);
  await post('register/finish', { ceremony: started.ceremony, token: null, credential });
  location.reload();
}

async function login(form) {
  const started = await post('login/start', { user_name: form.elements.user_name?.value.trim() || null });
  const credential = await request(started.options);
  const done = await post('login/finish', { ceremony: started.ceremony, credential });
  location.assign(done.redirect ?? '/');
}

const ACTS = { register, add, login };

document.addEventListener('submit', async (event) => {
  const form = event.target.closest('form[data-passkey]');
  const act = ACTS[form?.dataset.passkey];
  if (!act) return;
  event.preventDefault();
  if (!supported()) return say('unsupported');
  say('');
  busy(form, true);
  try {
    await act(form);
  } catch (error) {
    explain(error);
  } finally {
    busy(form, false);
  }
});

document.addEventListener('click', async (event) => {
  if (!event.target.closest?.('[data-passkey="logout"]')) return;
  event.preventDefault();
  say('');
  try {
    await post('logout', {});
  } catch (error) {
    // Whoever is nobody any more is signed out.
    if (error?.status !== 401) return say('still-signed-in', { message: error?.requestId ? error.message : '' });
  }
  location.assign('/login');
});

openLink();
// The fragment alone changed: another link was pasted into the same tab.
addEventListener('hashchange', openLink);
if (document.querySelector('[data-passkey="login"]') && !supported()) say('unsupported');
