// Budgets and virtual keys on their pages: made, used, used up, changed, rotated, ended.
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

const body = JSON.stringify({ model: 'custom/fake-model', messages: [{ role: 'user', content: 'hello' }], max_tokens: 9 });

/** What a program hears that calls a model below the panel's `/api/v1`. */
async function call(url: string, secret: string): Promise<number> {
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  return (await fetch(`${url}/api/v1/chat/completions`, { method: 'POST', headers, body })).status;
}

test('a leaked virtual key is rotated in three clicks, and no call fails meanwhile', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  const { chela } = crowd;
  await page.goto(`${chela.url}/virtual-keys`);
  await hydrated(page);
  await expect(page.getByText('No virtual keys')).toBeVisible();
  await page.getByLabel('Name').fill('Notebook');
  await page.getByLabel('Models').fill('custom/fake-model');
  await page.getByLabel('Requests a minute').fill('50');
  await page.getByRole('button', { name: 'Make key' }).click();
  const secret = (await page.locator('.copy code').first().textContent()) ?? '';
  expect(secret).toMatch(/^chela_vk_/);
  expect(await call(chela.url, secret)).toBe(200);

  const notebook = page.locator('article.card').filter({ hasText: 'Notebook' });
  await notebook.getByRole('button', { name: 'Rotate' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
  const fresh = page.locator('.stack .copy code').first();
  await expect(fresh).not.toHaveText(secret);
  const next = (await fresh.textContent()) ?? '';
  expect([await call(chela.url, secret), await call(chela.url, next)]).toEqual([200, 200]);

  await notebook.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('dialog').getByLabel('Tags').fill('No Tag');
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
  await expect(page.getByRole('dialog').getByText('tags must have')).toBeVisible();
  await page.getByRole('dialog').getByLabel('Tags').fill('shop, night');
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
  await expect(notebook).toContainText('night');
  await expect(notebook).toContainText('custom/fake-model');

  await notebook.getByRole('button', { name: 'Block' }).click();
  await expect(notebook).toContainText('Blocked');
  expect(await call(chela.url, next)).toBe(401);
  await notebook.getByRole('button', { name: 'Unblock' }).click();
  await expect(notebook).toContainText('Open');
  await notebook.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No virtual keys')).toBeVisible();
  expect(await call(chela.url, next)).toBe(401);
});

test('a budget is made, stops what it is for, and is raised', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  const { api, chela } = crowd;
  const { secret } = await api.call<{ secret: string }>('POST', 'virtual-keys', { name: 'Batch' });
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Budgets' }).click();
  await expect(page).toHaveURL(/\/budgets$/);
  await page.getByLabel('Amount').fill('many');
  await page.getByLabel('Counts').selectOption('requests');
  await page.getByRole('button', { name: 'Add budget' }).click();
  await expect(page.getByText('must be a whole number').first()).toBeVisible();
  await page.getByLabel('Amount').fill('1');
  await page.getByRole('button', { name: 'Add budget' }).click();
  const budget = page.locator('article.card').filter({ hasText: 'Whole workspace' });
  await expect(budget).toContainText('0 of 1 request a month');
  expect([await call(chela.url, secret), await call(chela.url, secret)]).toEqual([200, 429]);
  const stopped = async () => (await api.call<{ items: { id: string; status: number }[] }>('GET', 'usage')).items.find(({ status }) => status === 429);
  await expect.poll(stopped).toBeTruthy();
  await page.goto(`${chela.url}/usage?call=${(await stopped())?.id}`);
  await hydrated(page);
  await expect(page.getByText('Whole workspace: 1 request a month')).toBeVisible();
  await page.getByRole('link', { name: 'Whole workspace: 1 request a month' }).click();
  await expect(page).toHaveURL(/\/budgets$/);

  await page.reload();
  await hydrated(page);
  await expect(budget).toContainText('Used up');
  await budget.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('dialog').getByLabel('Amount').fill('5');
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
  await expect(budget).toContainText('1 of 5 requests');
  expect(await call(chela.url, secret)).toBe(200);

  await page.getByRole('button', { name: 'Stop all model calls' }).click();
  await page.getByRole('dialog').getByLabel('Why').fill('an incident');
  await page.getByRole('dialog').getByRole('button', { name: 'Stop now' }).click();
  await expect(page.getByText('All model calls are stopped')).toBeVisible();
  await expect(page.getByText('an incident')).toBeVisible();
  expect(await call(chela.url, secret)).toBe(403);
  await page.getByRole('button', { name: 'Allow again' }).click();
  await expect(page.getByText('All model calls are stopped')).toBeHidden();
  expect(await call(chela.url, secret)).toBe(200);
});

test('a team has one budget: all that carry its tag use it up together', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  const { api, chela } = crowd;
  const make = (name: string) => api.call<{ secret: string }>('POST', 'virtual-keys', { name, tags: ['shop'] });
  const [till, store] = [await make('Till'), await make('Store')];
  await page.goto(`${chela.url}/budgets`);
  await hydrated(page);
  await page.getByLabel('Tag', { exact: true }).fill('The Shop');
  await page.getByLabel('Counts').selectOption('requests');
  await page.getByLabel('Amount').fill('2');
  await page.getByRole('button', { name: 'Add budget' }).click();
  await expect(page.getByText('must be a tag').first()).toBeVisible();
  await page.getByLabel('Tag', { exact: true }).fill('shop');
  await page.getByRole('button', { name: 'Add budget' }).click();
  const budget = page.locator('article.card').filter({ hasText: 'Tag shop' });
  await expect(budget).toContainText('0 of 2 requests a month');
  expect([await call(chela.url, till.secret), await call(chela.url, store.secret)]).toEqual([200, 200]);
  expect([await call(chela.url, till.secret), await call(chela.url, store.secret)]).toEqual([429, 429]);
  await page.reload();
  await hydrated(page);
  await expect(budget).toContainText('Used up');
  await budget.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(budget).toHaveCount(0);
  expect(await call(chela.url, till.secret)).toBe(200);
});
