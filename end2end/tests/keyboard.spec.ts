// The main job by keyboard alone: Tab, letters, Enter.
import { randomBytes } from 'node:crypto';
import type { Locator, Page } from '@playwright/test';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

/** Presses Tab until the target has the focus. */
async function tabTo(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never reaches ${target}`);
}

async function typeInto(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.insertText(text);
}

async function press(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

test('a person who has only a keyboard sets up, makes a bot and talks to it', async ({ page, chela, vendor, authenticator }) => {
  void authenticator;
  test.setTimeout(300_000);

  await page.goto(await chela.setupUrl());
  await hydrated(page);
  await typeInto(page, page.getByLabel('Your name'), 'Ada');
  await press(page, page.getByRole('button', { name: 'Create your passkey' }));
  await page.waitForURL((url) => url.pathname === '/');

  const main = page.getByRole('navigation', { name: 'Main' });
  await hydrated(page);
  await press(page, main.getByRole('link', { name: 'Keys' }));
  await page.waitForURL(/\/keys$/);
  await typeInto(page, page.getByLabel('Key', { exact: true }), vendor.key);
  await tabTo(page, page.getByLabel('Vendor'));
  await page.keyboard.type('Custom');
  await typeInto(page, page.getByLabel('Base URL'), vendor.baseUrl);
  await page.keyboard.press('Enter');
  await expect(page.getByText(`…${vendor.key.slice(-4)}`)).toBeVisible();

  await press(page, page.getByRole('link', { name: 'Create a bot' }));
  await page.waitForURL(/\/bots\/new/);
  await typeInto(page, page.getByLabel('Name'), 'Atlas');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/bots\/atlas/);
  await expect(page.getByText('Ready to talk')).toBeVisible({ timeout: 180_000 });

  await press(page, page.getByRole('link', { name: 'Open chat' }));
  await page.waitForURL(/\/chat/);
  const token = randomBytes(8).toString('hex');
  await typeInto(page, page.getByRole('textbox', { name: 'Message' }), `ask:${token}`);
  await page.keyboard.press('Enter');
  await expect(page.getByText(vendor.answerTo(token)).last()).toBeVisible({ timeout: 60_000 });
});
