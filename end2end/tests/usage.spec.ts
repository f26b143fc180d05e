// A cost spike: from home to the bot, the model and the key that cost, and to one call with its attempts; and a bot that calls
// in a loop for nobody, from the bell to its end.
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { DESKTOP, PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { Effort, hydrated } from '../support/steps.ts';
import { MODEL, expect, test } from '../support/test.ts';

test.use({ timezoneId: 'Asia/Kathmandu' });

interface Sums {
  calls: number;
  cost_micro_usd: number;
}

interface Refused {
  refused: number;
}

/** A figure of the page, by its name. */
const figure = (page: Page, name: string) =>
  page.locator('.stat').filter({ has: page.getByRole('term').filter({ hasText: new RegExp(`^${name}$`) }) }).locator('dd').first();

test('four clicks lead from home to the bot, model, key and call that cost, and every figure agrees @shots', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(240_000);
  const price = { vendor: 'custom', model: MODEL.split('/')[1], input_price: 2_500_000_000, output_price: 10_000_000_000, cache_read_price: 1_250_000_000 };
  await api.call('POST', 'prices', price);
  const [spender, saver] = [(await api.createBot('Spender')).slug, (await api.createBot('Saver')).slug];
  for (const [slug, calls] of [[spender, 5], [saver, 1]] as const) {
    await api.untilRunning(slug);
    for (let n = 0; n < calls; n += 1) {
      const body = { model: MODEL, messages: [{ role: 'user', content: `ask:${slug}${n}` }] };
      expect(await chela.callModel(slug, body)).toBe(200);
    }
  }
  const sums = async (query: string) => (await api.call<{ sums: Sums }>('GET', `usage/summary?${query}`)).sums;
  await expect.poll(async () => (await sums('range=24h')).calls).toBe(6);
  const all = await sums('range=24h');
  const usd = (micro: number) => `$${(micro / 1e6).toFixed(2)}`;
  expect(all.cost_micro_usd).toBeGreaterThan(1_000_000);

  await page.goto(chela.url);
  await hydrated(page);
  await expect(figure(page, 'Cost')).toHaveText(usd(all.cost_micro_usd));
  const person = new Effort();
  await person.click(page.getByRole('link', { name: 'Last 24 hours' }));
  await page.waitForURL(/\/usage\?range=24h$/);
  await expect(figure(page, 'Cost')).toHaveText(usd(all.cost_micro_usd));
  await expect(page.getByText(/Days of Asia\/Ka/)).toBeVisible();

  const shares = page.getByRole('region', { name: 'Shares' }).getByRole('row');
  await expect(shares.nth(1)).toContainText('Spender');
  await person.click(shares.nth(1).getByRole('link', { name: 'Spender' }));
  await page.waitForURL(/bot=bot_/);
  const bots = (await api.call<{ items: { value: string; sums: Sums }[] }>('GET', 'usage/breakdown?by=bot')).items;
  await expect(figure(page, 'Cost')).toHaveText(usd(bots[0]?.sums.cost_micro_usd ?? 0));
  await expect(figure(page, 'Calls')).toHaveText('5');
  await person.click(shares.nth(1).getByRole('link', { name: 'fake-model' }));
  await page.waitForURL(/model=fake-model/);
  await expect(shares.nth(1)).toContainText('Test vendor');
  await expect(figure(page, 'Cost')).toHaveText(usd(bots[0]?.sums.cost_micro_usd ?? 0));
  await person.click(page.getByRole('region', { name: 'Latest calls' }).getByRole('row').nth(1).getByRole('link'));
  await page.waitForURL(/call=use_/);
  await expect(page.getByText('Keys it was asked with')).toBeVisible();
  await expect(page.getByText('asked last, answered 200')).toBeVisible();
  expect(person.clicks).toBeLessThanOrEqual(4);

  const call = new URL(page.url()).searchParams.get('call');
  await page.goto(`${chela.url}/usage?range=24h`);
  await hydrated(page);
  const begun = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Calls as CSV' }).click();
  const file = await (await begun).createReadStream();
  let text = '';
  for await (const piece of file) text += String(piece);
  expect(text.split('\r\n').filter((line) => line !== '')).toHaveLength(7);

  // More calls than a page of them has: the eldest stands alone on the second one.
  for (let n = 0; n < 15; n += 1) {
    const body = { model: MODEL, messages: [{ role: 'user', content: `ask:later${n}` }] };
    expect(await chela.callModel(saver, body)).toBe(200);
  }
  await expect.poll(async () => (await sums('range=24h')).calls).toBe(21);
  await page.goto(`${chela.url}/usage?range=24h`);
  await hydrated(page);
  const latest = page.getByRole('region', { name: 'Latest calls' });
  await expect(latest.getByRole('row')).toHaveCount(21);
  await latest.getByRole('link', { name: 'Next page' }).click();
  await page.waitForURL(/older=/);
  await expect(latest.getByRole('row')).toHaveCount(2);
  await expect(latest.getByRole('row').nth(1)).toContainText('Spender');
  await latest.getByRole('link', { name: 'First page' }).click();
  await expect(latest.getByRole('row')).toHaveCount(21);

  for (const [name, path] of [
    ['usage-full', '/usage?range=7d'],
    ['usage-call', `/usage?call=${call}`],
    ['usage-bot', `/bots/${saver}/usage?range=today`],
    ['usage-none', '/usage?range=24h&status=refused'],
  ] as const) {
    for (const theme of THEMES) {
      for (const size of [DESKTOP, PHONE]) {
        await visit(page, chela.url + path, theme, size);
        await hydrated(page);
        await faultless(page);
        await photograph(page, `${name}-${theme}-${size.width}`);
      }
    }
  }
});

test('a bot that calls in a loop for nobody rings, and one press in the list stops it: its next call is refused', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(120_000);
  // As little of a loop as a workspace may ask for, so that real calls make one.
  await api.call('PATCH', 'lookout', { loop_calls: 5, loop_apart_s: 1, loop_spread_percent: 50, busy_minutes: 0 });
  const { slug } = await api.createBot('Sleepless');
  await api.untilRunning(slug);
  await page.goto(chela.url);
  await hydrated(page);
  const bell = page.getByRole('link', { name: /^Notifications, / });
  await expect(bell).toHaveAccessibleName('Notifications, nothing new');
  const beat = () => chela.callModel(slug, { model: MODEL, messages: [{ role: 'user', content: 'ask:beat' }] });
  // A heartbeat's own rhythm: what makes a loop is that its calls are so far apart.
  const begun = performance.now();
  for (let n = 0; n < 5; n += 1) {
    await pause(Math.max(0, begun + n * 1_200 - performance.now()));
    expect(await beat()).toBe(200);
  }
  await expect(bell).toHaveAccessibleName('Notifications, 1 unread');

  const person = new Effort();
  await person.click(bell);
  const alert = page.getByRole('listitem').filter({ hasText: 'Calls a model in a loop for nobody' });
  await expect(alert).toContainText('Sleepless');
  await expect(alert).toContainText(/5 calls of about 1 KB, one every 1 s/);
  await person.click(alert.getByRole('button', { name: 'Stop spending' }));
  await expect(page.getByText('Its model calls are stopped.')).toBeVisible();
  expect(person.clicks).toBe(2);
  expect(await beat()).toBe(400);
  await expect(alert.getByText('Over')).toBeVisible();
  const [stop] = (await api.call<{ items: { bot_name: string }[] }>('GET', 'stops')).items;
  expect(stop?.bot_name).toBe('Sleepless');
  await expect.poll(async () => (await api.call<{ sums: Refused }>('GET', 'usage/summary')).sums.refused).toBe(1);
});

test('without a call the page says so, a model without a price is of unknown cost, and what is refused says why @shots', async ({ page, crowd: { chela, api } }) => {
  await page.goto(`${chela.url}/usage`);
  await expect(page.getByRole('heading', { name: 'No model was called in this time' })).toBeVisible();
  const { slug } = await api.createBot('Nameless');
  await api.untilRunning(slug);
  await chela.callModel(slug, { model: MODEL, messages: [{ role: 'user', content: 'ask:x' }] });
  await expect.poll(async () => (await api.call<{ sums: Sums }>('GET', 'usage/summary')).sums.calls).toBe(1);
  await page.goto(`${chela.url}/usage?range=today`);
  await expect(figure(page, 'Cost')).toHaveText('unknown');
  await expect(page.getByText(/^Calls of unknown cost: 1\./)).toBeVisible();

  // What Chela refuses says why, and leads to where that is mended.
  await api.call('POST', 'budgets', { unit: 'money', period: 'day', most: 1_000_000 });
  expect(await chela.callModel(slug, { model: MODEL, messages: [{ role: 'user', content: 'ask:y' }] })).toBe(400);
  await expect.poll(async () => (await api.call<{ sums: Sums }>('GET', 'usage/summary')).sums.calls).toBe(2);
  await page.goto(`${chela.url}/usage?status=refused`);
  await hydrated(page);
  const refused = page.getByRole('region', { name: 'Latest calls' }).getByRole('row').nth(1);
  await expect(refused).toContainText('Price unknown (400)');
  await refused.getByRole('link').click();
  await page.waitForURL(/call=use/);
  const found = page.url();
  for (const theme of THEMES) {
    for (const size of [DESKTOP, PHONE]) {
      await visit(page, found, theme, size);
      await faultless(page);
      await photograph(page, `usage-refused-${theme}-${size.width}`);
    }
  }
  await hydrated(page);
  await page.getByRole('link', { name: 'Set its price' }).click();
  await page.waitForURL(/\/routing\/models\?edit=/);
  await expect(page.getByRole('region', { name: MODEL })).toBeVisible();
});
