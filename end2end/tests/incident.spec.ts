// 03:00, on a phone: a bot dies again and again. From the alert to why, and to what mends it, in three taps.
import { PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { Effort, hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

test('three taps lead from the alert over the reason to the answer @shots', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(240_000);
  await page.setViewportSize(PHONE);
  const bot = (await api.createBot('Night porter')).slug;
  await api.untilRunning(bot);
  await page.goto(chela.url);
  await hydrated(page);
  const bell = page.getByRole('link', { name: /^Notifications, / });
  const told = async () => (await api.call<{ items: { kind: string }[] }>('GET', `bots/${bot}/events`)).items;
  const deaths = async () => (await told()).filter(({ kind }) => kind === 'died').length;

  // It is brought back each time, and dies each time: the third is a crash loop.
  for (let death = 1; death <= 3; death += 1) {
    await chela.kill(bot);
    await expect.poll(deaths).toBe(death);
    if (death < 3) await api.untilRunning(bot);
  }
  await expect(bell).toHaveAccessibleName(/unread/);

  const person = new Effort();
  await person.click(bell);
  const alert = page.getByRole('listitem').filter({ hasText: 'Night porter' }).first();
  await expect(alert).toContainText(/3 times/);
  await person.click(alert.getByRole('link', { name: 'Night porter' }));
  await page.waitForURL(/\/diagnostics\?postmortem=last$/);
  await expect(page.getByText(/died 3 times in/).first()).toBeVisible();
  await expect(page.getByText('Last output')).toBeVisible();
  await person.click(page.getByRole('button', { name: 'Restart' }).first());
  await api.untilRunning(bot);
  expect(person.clicks).toBeLessThanOrEqual(3);

  for (const [name, path] of [
    ['incident-alerts', '/alerts'],
    ['incident-diagnostics', `/bots/${bot}/diagnostics?postmortem=last`],
    ['incident-changes', `/bots/${bot}/changes`],
  ] as const) {
    for (const theme of THEMES) {
      await visit(page, chela.url + path, theme, PHONE);
      await hydrated(page);
      await faultless(page);
      await photograph(page, `${name}-${theme}-390`);
    }
  }
});

test('three taps lead from the alert to the settings the bot was well with, and a fourth version takes it back', async ({ page, crowd: { chela, api } }) => {
  // It must be up for a minute to count as well.
  test.setTimeout(240_000);
  await page.setViewportSize(PHONE);
  const bot = (await api.createBot('Day porter')).slug;
  await api.untilRunning(bot);
  type Version = { well: boolean; current: boolean };
  type Bot = { observed: string; restart_needed: boolean; started_at_ms: number; settings: { prompt: string; limits: { memory_mb: number } } };
  const bots = async () => api.call<Bot>('GET', `bots/${bot}`);
  const { started_at_ms: since } = await bots();
  await expect.poll(() => Date.now() - since, { timeout: 90_000, intervals: [1_000] }).toBeGreaterThan(61_000);
  await api.call('PATCH', `bots/${bot}`, { prompt: 'Say nothing.', limits: { memory_mb: 768 } });
  await api.call('POST', `bots/${bot}/apply`, {});
  await expect.poll(async () => (await api.call<{ items: Version[] }>('GET', `bots/${bot}/configs`)).items.map(({ well }) => well)).toEqual([false, true]);
  await expect.poll(async () => (await bots()).restart_needed).toBe(false);
  await api.untilRunning(bot);
  await chela.kill(bot);
  await expect.poll(async () => (await api.call<{ items: unknown[] }>('GET', `bots/${bot}/postmortems`)).items.length).toBe(1);

  await page.goto(`${chela.url}/alerts`);
  await hydrated(page);
  const person = new Effort();
  await person.click(page.getByRole('listitem').filter({ hasText: 'Day porter' }).first().getByRole('link', { name: 'Day porter' }));
  await page.waitForURL(/postmortem=last$/);
  const way = page.getByRole('group').filter({ hasText: 'Roll back to the settings it was well with' });
  await person.click(way.locator('summary'));
  await expect(way.getByRole('table')).toContainText('Say nothing.');
  await person.click(way.getByRole('button', { name: 'Roll back to this now' }));
  await expect.poll(async () => (await bots()).settings.prompt).toBe('');
  expect(person.clicks).toBeLessThanOrEqual(3);
  expect((await bots()).settings.limits.memory_mb).toBe(2048);
  await api.untilRunning(bot);

  await page.goto(`${chela.url}/bots/${bot}/changes`);
  await hydrated(page);
  const versions = page.locator('.card', { hasText: 'Versions of its settings' });
  await expect(versions.getByRole('listitem')).toHaveCount(3);
  const second = versions.getByRole('listitem').nth(1);
  await second.locator('summary').click();
  await second.getByRole('button', { name: 'Roll back to this now' }).click();
  await expect.poll(async () => (await bots()).settings.prompt).toBe('Say nothing.');
  await expect(versions.getByRole('listitem')).toHaveCount(4);
});
