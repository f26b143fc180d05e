// Pushes to this device: whether they are possible, on or off, and turning them on and off. The words stand in the page
// (`data-push-when`); this file shows the ones that fit. No secret passes through here.

/** Who turned pushes on in this browser: an id, no secret. */
const MARK = 'chela_push_person';

const panel = () => document.querySelector('[data-push]');

/** Shows what fits, and what went wrong. */
function show(state, message = '') {
  const at = panel();
  if (!at) return;
  at.dataset.push = state;
  const shown = message ? [state, 'failed'] : [state];
  for (const part of at.querySelectorAll('[data-push-when]')) part.hidden = !shown.includes(part.dataset.pushWhen);
  const slot = at.querySelector('[data-slot="message"]');
  if (slot) slot.textContent = message;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `${answer.status}`);
}

const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** What the server is told of a subscription; again is harmless, and binds it to this session. */
const tell = (subscription) =>
  post('/api/push/subscribe', {
    endpoint: subscription.endpoint,
    p256dh: text(subscription.getKey('p256dh')),
    auth: text(subscription.getKey('auth')),
    locale: document.documentElement.lang.startsWith('zh') ? 'zh' : 'en',
  });

/** Why it cannot be, if it cannot. */
function impossible() {
  if (!isSecureContext) return 'insecure';
  const able = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
  if (able) return Notification.permission === 'denied' ? 'denied' : null;
  // An iPhone or iPad pushes to what was put on its home screen, and to nothing else.
  return 'standalone' in navigator && !navigator.standalone ? 'home-screen' : 'unsupported';
}

async function look() {
  if (!panel()) return;
  const why = impossible();
  if (why) return show(why);
  const known = await navigator.serviceWorker.getRegistration();
  const subscription = await known?.pushManager.getSubscription();
  // Another person of this browser turned them on: they are not this one's.
  if (!subscription || localStorage.getItem(MARK) !== panel().dataset.person) return show('off');
  try {
    await tell(subscription);
    show('on');
  } catch (error) {
    show('off', error.message);
  }
}

async function turn(on) {
  try {
    show('busy');
    const { pushManager } = await navigator.serviceWorker.ready;
    if (on) {
      if ((await Notification.requestPermission()) !== 'granted') return show(impossible() ?? 'off');
      const answer = await fetch('/api/push/key');
      if (!answer.ok) throw new Error(`${answer.status}`);
      const key = (await answer.json()).key.replace(/-/g, '+').replace(/_/g, '/');
      const applicationServerKey = Uint8Array.from(atob(key), (c) => c.charCodeAt(0));
      const options = { userVisibleOnly: true, applicationServerKey };
      const subscription = await pushManager.subscribe(options).catch(async (error) => {
        // One with another key is in the way: of a Chela that was here before.
        const old = await pushManager.getSubscription();
        if (!old) throw error;
        await old.unsubscribe();
        return pushManager.subscribe(options);
      });
      await tell(subscription);
      localStorage.setItem(MARK, panel()?.dataset.person ?? '');
    } else {
      const subscription = await pushManager.getSubscription();
      if (subscription) {
        await post('/api/push/unsubscribe', { endpoint: subscription.endpoint });
        await subscription.unsubscribe();
      }
      localStorage.removeItem(MARK);
    }
    show(on ? 'on' : 'off');
  } catch (error) {
    show(on ? 'off' : 'on', error.message);
  }
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-push-turn]');
  if (button) turn(button.dataset.pushTurn === 'on');
});
// The page says when its panel has come.
document.addEventListener('chela:push', look);
look();
