// Between the server's page and the browser's own there is a moment in which half of the page answers: whatever is
// pressed then goes the browser's plain way, and leads where it says.
import type { Page } from '@playwright/test';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

const PART = /\/pkg\/(chunk|split)_[^/]*\.wasm(\?|$)/;

/** Opens a page that is taken over only when the answer is called: what it needs for that stays on the way. */
async function halfTaken(page: Page, open: () => Promise<unknown>): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route(PART, async (route) => {
    await released;
    // The page that asked may be gone.
    await route.continue().catch(() => {});
  });
  const asked = page.waitForRequest(PART);
  await open();
  await asked;
  await expect(page.locator('html[data-hydrated]')).toHaveCount(0);
  // The route stays: taken away, it would leave what is being asked for just then without an answer.
  return release;
}

test('a link clicked while the page is being taken over leads where it says', async ({ page, crowd: { chela } }) => {
  const release = await halfTaken(page, () => page.goto(`${chela.url}/usage`, { waitUntil: 'commit' }));
  const [left] = await Promise.all([
    page.waitForRequest((request) => request.isNavigationRequest() && request.url().endsWith('/keys')),
    page.locator('a[href="/keys"]').first().click(),
  ]);
  expect(left.frame()).toBe(page.mainFrame());
  release();
  await expect(page).toHaveURL(/\/keys$/);
  await hydrated(page);
});

test('words searched while the page is being taken over are searched', async ({ page, crowd: { chela, api } }) => {
  await api.createBot('Atlas');
  const release = await halfTaken(page, () => page.goto(`${chela.url}/bots`, { waitUntil: 'commit' }));
  const box = page.getByRole('searchbox').first();
  await box.fill('nobody-of-this-name');
  await Promise.all([page.waitForRequest((request) => request.isNavigationRequest() && /q=nobody/.test(request.url())), box.press('Enter')]);
  release();
  await hydrated(page);
  await expect(page).toHaveURL(/q=nobody-of-this-name/);
});

test('the way back while the page is being taken over shows the page before', async ({ page, crowd: { chela } }) => {
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  await page.locator('a[href="/usage"]').first().click();
  await expect(page).toHaveURL(/\/usage$/);
  const heading = page.getByRole('heading', { level: 1 });
  await expect(heading).toHaveText('Usage');

  const release = await halfTaken(page, () => page.reload({ waitUntil: 'commit' }));
  await page.evaluate(() => history.back());
  release();
  await expect(page).toHaveURL(/\/keys$/);
  await hydrated(page);
  await expect(heading).toHaveText('Keys');
});
