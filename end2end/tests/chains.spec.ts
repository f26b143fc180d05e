// Chains: looked at, written, changed and deleted on their page; with scripts and without.
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

interface Chain {
  own: boolean;
  links: { model: string }[];
}

test('a chain of ones own is written, changed and deleted', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  const { api, chela } = crowd;
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Chains' }).click();
  await expect(page).toHaveURL(/\/routing\/chains$/);
  await expect(page.locator('details.card')).toHaveCount(13);
  const coding = page.locator('details.card').filter({ hasText: 'coding' });
  await coding.locator('summary').click();
  await expect(coding.getByRole('listitem').first()).toContainText('anthropic/claude-sonnet-4-5');
  await expect(coding.getByRole('listitem').first()).toContainText('No key');

  // What breaks a rule is said, and what was typed stays.
  await page.getByLabel('Name').fill('mine');
  await page.getByLabel('Link 1', { exact: true }).fill('nobody/x');
  await page.getByRole('button', { name: 'Save chain' }).click();
  await expect(page.getByText('of a vendor Chela knows').first()).toBeVisible();
  await page.getByLabel('Link 1', { exact: true }).fill('custom/fake-model');
  await page.getByLabel('Link 2', { exact: true }).fill('claude/claude-x');
  await page.getByRole('button', { name: 'Save chain' }).click();
  const mine = page.locator('details.card').filter({ hasText: 'mine' });
  await expect(mine).toContainText('1 / 2');
  await expect(mine.getByRole('listitem').nth(1)).toContainText('anthropic/claude-x');

  await mine.getByRole('link', { name: 'Change' }).click();
  await expect(page.getByLabel('Name')).toHaveValue('mine');
  await page.getByLabel('Link 2', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Save chain' }).click();
  await expect(mine.getByRole('listitem')).toHaveCount(1);
  expect((await api.call<Chain>('GET', 'chains/mine')).links).toHaveLength(1);

  await mine.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.locator('details.card')).toHaveCount(13);
});

test('without wasm a chain is written and a shipped one is hidden by it', async ({ crowd, page, expectedErrors }) => {
  expectedErrors.push(/Failed to load resource|Failed to fetch/);
  const { api, chela } = crowd;
  // What the page before still loads is none of this.
  await hydrated(page);
  await page.context().route(/\.wasm(\?|$)/, (route) => route.abort());
  await page.goto(`${chela.url}/routing/chains?edit=vision`);
  await expect(page.getByLabel('Link 1', { exact: true })).toHaveValue('openai/gpt-5.2');
  await page.getByLabel('Link 1', { exact: true }).fill('custom/fake-model');
  await page.getByRole('button', { name: 'Save chain' }).click();
  await expect(page.locator('details.card').filter({ hasText: 'hides the shipped one' })).toContainText('vision');
  const vision = await api.call<Chain>('GET', 'chains/vision');
  expect([vision.own, vision.links[0]?.model]).toEqual([true, 'custom/fake-model']);
});
