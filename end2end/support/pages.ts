// Every page there is, for the specs that look at all of them.
import { mkdir } from 'node:fs/promises';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';
import type { House } from './test.ts';

export interface Place {
  /** Name in file names and reports. */
  name: string;
  path: (house: House) => string;
  /** Seen without signing in. */
  open?: boolean;
}

export const PLACES: Place[] = [
  { name: 'login', path: () => '/login', open: true },
  { name: 'setup', path: () => '/setup', open: true },
  { name: 'home', path: () => '/' },
  { name: 'bots', path: () => '/bots' },
  { name: 'create', path: () => '/bots/new' },
  { name: 'bot', path: ({ bot }) => `/bots/${bot}/overview` },
  { name: 'chat', path: ({ bot }) => `/bots/${bot}/chat` },
  { name: 'logs', path: ({ bot }) => `/bots/${bot}/logs` },
  { name: 'metrics', path: ({ bot }) => `/bots/${bot}/metrics` },
  { name: 'changes', path: ({ bot }) => `/bots/${bot}/changes` },
  { name: 'diagnostics', path: ({ bot }) => `/bots/${bot}/diagnostics` },
  { name: 'config', path: ({ bot }) => `/bots/${bot}/config` },
  { name: 'alerts', path: () => '/alerts' },
  { name: 'notifications', path: () => '/settings/notifications' },
  { name: 'keys', path: () => '/keys' },
  { name: 'virtual-keys', path: () => '/virtual-keys' },
  { name: 'budgets', path: () => '/budgets' },
  { name: 'chains', path: () => '/routing/chains' },
  { name: 'models', path: () => '/routing/models' },
  { name: 'model', path: () => '/routing/models?q=sonnet&edit=anthropic%2Fclaude-sonnet-5-5' },
  { name: 'usage', path: () => '/usage' },
  { name: 'bot-usage', path: ({ bot }) => `/bots/${bot}/usage?range=7d` },
  { name: 'profile', path: () => '/settings/profile' },
  { name: 'security', path: () => '/settings/security' },
  { name: 'tokens', path: () => '/settings/tokens' },
  { name: 'instance', path: () => '/admin/instance' },
  { name: 'jobs', path: () => '/admin/jobs' },
];

export type Theme = 'light' | 'dark';
export const THEMES: Theme[] = ['light', 'dark'];
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Goes there in a theme and at a size, and waits until the page is itself. */
export async function visit(page: Page, url: string, theme: Theme, size: typeof DESKTOP): Promise<void> {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.goto(url);
  await settled(page);
}

/** Nothing loads any more: no skeleton, no busy region, fonts there. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .skeleton') === null);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
}

/** axe finds nothing, and the page is no wider than its window. */
export async function faultless(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  expect(found).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, 'the page scrolls sideways').toBeLessThanOrEqual(0);
}

const SHOTS = new URL('../shots/', import.meta.url).pathname;

/** Where photographs were asked for with CHELA_TEST_SHOTS=1: a test run changes no file of the checkout. */
export async function photograph(page: Page, name: string): Promise<void> {
  if (!process.env.CHELA_TEST_SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  // A page that has a live line shows itself once that is there.
  await page.locator('.live-dot.live-open, body:not(:has(.live-dot))').first().waitFor();
  await page.screenshot({ path: `${SHOTS}${name}.png`, animations: 'disabled' });
}
