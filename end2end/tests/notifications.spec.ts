// A death at night: the bell rings in every tab, is answered and read in one and quiet in the other; a push shows on a
// device, and its Restart restarts.
import type { Page } from '@playwright/test';
import { hydrated } from '../support/steps.ts';
import { expect, test, type House } from '../support/test.ts';

const bell = (page: Page) => page.getByRole('link', { name: /^Notifications, / });

async function dies(house: House): Promise<void> {
  await house.api.untilRunning(house.bot);
  await house.chela.kill(house.bot);
}

test('a death rings in every tab, and what one tab reads is read in the other', async ({ owner, house }) => {
  test.setTimeout(180_000);
  const { url } = house.chela;
  await owner.goto(`${url}/alerts`);
  await hydrated(owner);
  const other = await owner.context().newPage();
  await other.goto(`${url}/bots`);
  await hydrated(other);
  await expect(bell(other)).toHaveAccessibleName('Notifications, nothing new');
  await expect(owner.getByText('Nothing happened')).toBeVisible();

  await dies(house);
  await expect(bell(other)).toHaveAccessibleName('Notifications, 1 unread');
  await expect(bell(owner)).toHaveAccessibleName('Notifications, 1 unread');
  const item = owner.getByRole('listitem').filter({ hasText: 'Ended by itself' });
  await expect(item).toHaveCount(1);
  await expect(item.getByRole('link', { name: 'Open logs' })).toHaveAttribute('href', `/bots/${house.bot}/logs`);

  await item.getByRole('button', { name: 'Mark as read' }).click();
  await expect(bell(owner)).toHaveAccessibleName('Notifications, nothing new');
  await expect(bell(other)).toHaveAccessibleName('Notifications, nothing new');
  await house.api.untilRunning(house.bot);
  await expect(item.getByText('Over')).toBeVisible();
  await item.getByRole('button', { name: 'Mute 1 h' }).click();
  await expect(item.getByRole('button', { name: 'Unmute' })).toBeVisible();
  await item.getByRole('button', { name: 'Unmute' }).click();
  await expect(item.getByRole('button', { name: 'Mute 1 h' })).toBeVisible();
  await other.close();
});

test('what a person wants to hear of is kept, and the device says what it can', async ({ owner, house }) => {
  await owner.goto(`${house.chela.url}/settings/notifications`);
  await hydrated(owner);
  const tick = owner.getByRole('checkbox', { name: 'Ended by itself: Pushed' });
  await expect(tick).toBeChecked();
  await tick.uncheck();
  await owner.getByRole('button', { name: 'Save' }).click();
  await expect(owner.getByText('Saved.')).toBeVisible();
  await owner.reload();
  await expect(tick).not.toBeChecked();
  await expect(owner.getByRole('checkbox', { name: 'Ended by itself: In Chela' })).toBeChecked();
  await expect(owner.locator('[data-push]').locator('> :visible').first()).toBeVisible();
});

test('a push is shown, and its Restart restarts the bot as the person', async ({
  owner,
  house,
  expectedErrors,
}) => {
  expectedErrors.push(/404 \(Not Found\) \(.*\/bots\/nobody\/overview\)/);
  test.setTimeout(180_000);
  await house.api.untilRunning(house.bot);
  await owner.context().grantPermissions(['notifications'], { origin: house.chela.url });
  await owner.goto(`${house.chela.url}/`);
  await owner.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  const cdp = await owner.context().newCDPSession(owner);
  const registered = new Promise<string>((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL }) => scopeURL.startsWith(house.chela.url));
      if (ours) resolve(ours.registrationId);
    });
  });
  await cdp.send('ServiceWorker.enable');
  const data = JSON.stringify({
    title: 'Atlas: ended by itself',
    body: '',
    tag: 'ntf_test',
    url: `/bots/${house.bot}/overview`,
    bot: house.bot,
    open: 'Open',
    restart: 'Restart',
    at_ms: 1_795_165_200_000,
    quiet: false,
  });
  const registrationId = await registered;
  await cdp.send('ServiceWorker.deliverPushMessage', { origin: house.chela.url, registrationId, data });
  const shown = () =>
    owner.evaluate(async () => {
      const known = await navigator.serviceWorker.ready;
      const all = await known.getNotifications();
      return all.map(({ title, tag, data: said }) => ({ title, tag, said }));
    });
  const said = { url: `/bots/${house.bot}/overview`, bot: house.bot };
  await expect.poll(shown).toEqual([{ title: 'Atlas: ended by itself', tag: 'ntf_test', said }]);

  // A tap, as the browser reports it; an event of a script has no life of its own to extend.
  const [worker] = owner.context().serviceWorkers();
  if (!worker) throw new Error('no service worker');
  const tap = (action: string) =>
    worker.evaluate(`(async () => {
      const [notification] = await registration.getNotifications();
      const event = new NotificationEvent('notificationclick', { notification, action: '${action}' });
      let work;
      Object.defineProperty(event, 'waitUntil', { value: (more) => { work = more; } });
      dispatchEvent(event);
      await work;
    })()`);
  await tap('restart');
  const past = async () => {
    const page = await house.api.call<{ items: { kind: string; actor: string | null }[] }>('GET', `bots/${house.bot}/events`);
    return page.items.find(({ kind }) => kind === 'restart')?.actor ?? '';
  };
  await expect.poll(past).toMatch(/^usr_/);
  await expect.poll(shown).toEqual([]);

  // Refused (the bot is not there): the bot's page says so.
  const gone = data.replaceAll(house.bot, 'nobody');
  await cdp.send('ServiceWorker.deliverPushMessage', { origin: house.chela.url, registrationId, data: gone });
  await expect.poll(async () => (await shown()).length).toBe(1);
  await tap('restart');
  await owner.waitForURL(/\/bots\/nobody\/overview$/);
});
