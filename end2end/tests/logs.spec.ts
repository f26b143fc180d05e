// A bot's output: followed line by line, over a cut connection too, narrowed by words and level, and kept when it stops.
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { hydrated } from '../support/steps.ts';
import { expect, test, type House } from '../support/test.ts';

async function open(page: Page, house: House): Promise<void> {
  await page.goto(`${house.chela.url}/bots/${house.bot}/logs`);
  await hydrated(page);
}

const lines = (page: Page) => page.locator('#log-lines > li');

test('what a bot writes appears by itself, also what it wrote while the connection was cut', async ({
  owner,
  house,
  expectedErrors,
}) => {
  expectedErrors.push(/Failed to load resource|ERR_INTERNET_DISCONNECTED|WebSocket/);
  test.setTimeout(180_000);
  await house.api.untilRunning(house.bot);
  await open(owner, house);
  await expect(owner.getByRole('status').filter({ hasText: /^Following$/ })).toBeVisible();
  await house.chela.write(house.bot, 'a first new line');
  await expect(lines(owner).filter({ hasText: 'a first new line' })).toHaveCount(1);

  await owner.context().setOffline(true);
  await house.chela.write(house.bot, 'a line that wakes the question');
  await expect(owner.getByText('Connection lost, trying again')).toBeVisible({ timeout: 30_000 });
  await house.chela.write(house.bot, 'said while nobody could hear');
  await owner.context().setOffline(false);
  await expect(lines(owner).filter({ hasText: 'said while nobody could hear' })).toHaveCount(1);
  await expect(lines(owner).filter({ hasText: 'a first new line' })).toHaveCount(1);

  await owner.getByRole('button', { name: 'Pause' }).click();
  await expect(owner.getByRole('status').filter({ hasText: /^Paused$/ })).toBeVisible();
  await house.chela.write(house.bot, 'said while paused');
  await owner.getByRole('button', { name: 'Follow' }).click();
  await expect(lines(owner).filter({ hasText: 'said while paused' })).toHaveCount(1);
});

test('words and levels narrow the output, and what is shown can be taken away', async ({ owner, house }) => {
  await house.chela.write(house.bot, 'the quick brown fox');
  await house.chela.write(house.bot, 'Error: the lazy dog');
  await open(owner, house);
  await owner.getByRole('searchbox', { name: 'Search the output' }).fill('QUICK brown');
  await owner.keyboard.press('Enter');
  await owner.waitForURL(/q=QUICK/);
  await expect(lines(owner)).toHaveCount(1);
  await expect(lines(owner)).toContainText('the quick brown fox');

  await owner.getByRole('searchbox').fill('');
  await owner.getByLabel('Level').selectOption('error');
  await owner.waitForURL(/level=error/);
  await expect(lines(owner).filter({ hasText: 'the lazy dog' })).toHaveCount(1);
  await expect(lines(owner).filter({ hasText: 'the quick brown fox' })).toHaveCount(0);

  const saved = owner.waitForEvent('download');
  await owner.getByRole('button', { name: 'Download' }).click();
  const text = await readFile(await (await saved).path(), 'utf8');
  expect(text).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+Z error .*the lazy dog$/m);

  await owner.getByRole('searchbox').fill('nothing says this');
  await owner.keyboard.press('Enter');
  await expect(owner.getByText('Nothing matches.')).toBeVisible();
});

test('without wasm the output is a list and the form narrows it', async ({ browser, house }) => {
  await house.chela.write(house.bot, 'a needle in the hay');
  await house.chela.write(house.bot, 'only hay');
  const context = await browser.newContext({ storageState: house.session, baseURL: house.chela.url });
  await context.route(/\.wasm(\?|$)/, (route) => route.abort());
  try {
    const page = await context.newPage();
    await page.goto(`/bots/${house.bot}/logs`);
    await expect(lines(page).filter({ hasText: 'only hay' })).toHaveCount(1);
    await expect(page.getByText('This page does not update by itself')).toBeVisible();
    await page.getByRole('searchbox').fill('needle');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=needle/);
    await expect(lines(page)).toHaveCount(1);
    await expect(lines(page)).toContainText('a needle in the hay');
  } finally {
    await context.close();
  }
});
