// What a person does on Chela's pages, in the words the pages use. When a page changes, change it here.
import { expect, type Locator, type Page } from '@playwright/test';
import type { Vendor } from './vendor.ts';

/** Counts a person's effort, as the promise "at most four clicks and two fields" does. */
export class Effort {
  clicks = 0;
  fields = 0;

  async click(target: Locator): Promise<void> {
    this.clicks += 1;
    await target.click();
  }

  async fill(target: Locator, text: string): Promise<void> {
    this.fields += 1;
    await target.fill(text);
  }
}

/** Waits until the page's scripts have taken over: before that, a click may be lost. */
export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator('html[data-hydrated]')).toHaveCount(1);
}

/** On the page of a one-time link: the name where the link does not know it, a passkey, and in. */
export async function createPasskey(page: Page, name: string): Promise<void> {
  // Whether a name is asked for, the server says after the page is there.
  await expect(page.locator('form[data-passkey="register"][data-looked]')).toHaveCount(1);
  const field = page.getByLabel('Your name');
  if (await field.isVisible()) await field.fill(name);
  await page.getByRole('button', { name: 'Create your passkey' }).click();
  await page.waitForURL(({ pathname }) => pathname !== '/setup' && pathname !== '/link');
}

export async function signIn(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.waitForURL((url) => url.pathname !== '/login');
}

/** Adds the fake vendor's key on /keys. */
export async function addKey(page: Page, vendor: Vendor): Promise<void> {
  await page.getByLabel('Key', { exact: true }).fill(vendor.key);
  await page.getByLabel('Vendor').selectOption('custom');
  await page.getByLabel('Base URL').fill(vendor.baseUrl);
  await page.getByRole('button', { name: 'Add key' }).click();
  await expect(page.getByText(`…${vendor.key.slice(-4)}`)).toBeVisible();
}

/** Types a message and sends it. */
export async function send(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}
