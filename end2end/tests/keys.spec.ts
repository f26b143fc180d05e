// A provider key on its card: what it is for is changed, and a leaked one is replaced while calls go on.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Effort, hydrated } from '../support/steps.ts';
import { MODEL, expect, test } from '../support/test.ts';
import type { Vendor, VendorCall } from '../support/vendor.ts';

/** Calls a model as a program does; what it hears. */
async function call(url: string, secret: string, model = MODEL): Promise<number> {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], max_tokens: 9 });
  const answer = await fetch(`${url}/api/v1/chat/completions`, { method: 'POST', headers, body });
  await answer.text();
  return answer.status;
}

/** The moment at which the vendor has answered a model call with this key. */
async function firstCallWith(vendor: Vendor, key: string): Promise<number> {
  const withIt = ({ headers, status }: VendorCall) => status === 200 && headers.authorization === `Bearer ${key}`;
  for (;;) {
    if ((await vendor.modelCalls()).some(withIt)) return performance.now();
    await pause(20);
  }
}

test('what a key is for is changed on its card, and holds from the next call on', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  const { api, chela } = crowd;
  const { secret } = await api.call<{ secret: string }>('POST', 'virtual-keys', { name: 'Batch' });
  // What is limited in money must have a price.
  const price = { vendor: 'custom', model: MODEL.split('/')[1], input_price: 1_000_000, output_price: 2_000_000, cache_read_price: 500_000 };
  await api.call('POST', 'prices', price);
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  const key = page.locator('article.key').first();
  await key.getByRole('button', { name: 'Edit' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Tags').fill('shop, night');
  await dialog.getByLabel('Models').fill('fake-model');
  await dialog.getByLabel('Requests a minute').fill('600');
  await dialog.getByLabel('USD a month').fill('lots');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByText(/amount/).first()).toBeVisible();
  await dialog.getByLabel('USD a month').fill('25.50');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  for (const words of ['shop', 'night', 'fake-model', '600 requests a minute', '25.50 USD a month']) {
    await expect(key).toContainText(words);
  }
  expect(await call(chela.url, secret)).toBe(200);
  expect(await call(chela.url, secret, 'custom/another')).not.toBe(200);

  await page.reload();
  await hydrated(page);
  await key.getByRole('button', { name: 'Edit' }).click();
  await expect(dialog.getByLabel('Tags')).toHaveValue('shop, night');
  await dialog.getByLabel('Models').fill('');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  await expect(key).not.toContainText('Only');
});

test('a leaked key is replaced in three clicks, no call fails meanwhile, and who used it is one click away', async ({ crowd, page, vendor }) => {
  const { api, chela } = crowd;
  const { secret } = await api.call<{ secret: string }>('POST', 'virtual-keys', { name: 'Till' });
  const fresh = `sk-proj-${randomBytes(24).toString('hex')}`;
  await vendor.setKeys({ also: fresh });
  const heard: number[] = [];
  let calling = true;
  const caller = (async () => {
    while (calling) heard.push(await call(chela.url, secret));
  })();

  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  const key = page.locator('article.key').first();
  const person = new Effort();
  await person.click(key.getByRole('button', { name: 'Replace' }));
  await person.fill(page.getByRole('dialog').getByLabel('New secret'), fresh);
  // From the click until the first call is answered with the new key: a person's whole wait.
  const inUse = firstCallWith(vendor, fresh);
  const pressed = performance.now();
  await person.click(page.getByRole('dialog').getByRole('button', { name: 'Replace' }));
  expect((await inUse) - pressed, 'ms from the click to the first answer with the new key').toBeLessThan(2_000);
  await expect(key).toContainText(`…${fresh.slice(-4)}`);
  expect(person.clicks).toBeLessThanOrEqual(3);
  // The old one is worth nothing from here on; calls that began before may still have ended with it.
  const before = heard.length;
  await expect.poll(() => heard.length).toBeGreaterThan(before + 1);
  await vendor.setKeys({ key: `sk-proj-${randomBytes(24).toString('hex')}` });
  const revoked = heard.length;
  await expect.poll(() => heard.length).toBeGreaterThan(revoked + 3);
  calling = false;
  await caller;
  expect(heard.filter((status) => status !== 200)).toEqual([]);

  await expect.poll(async () => (await api.call<{ sums: { calls: number } }>('GET', 'usage/summary')).sums.calls).toBe(heard.length);
  await person.click(key.getByRole('link', { name: 'Last uses' }));
  await page.waitForURL(/\/usage\?.*key=/);
  await expect(page.getByRole('region', { name: 'Latest calls' }).getByRole('row').nth(1)).toContainText('Till');
});
