// Every page there is, for the specs that look at all of them.
import type { Page } from '@playwright/test';
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
  { name: 'changes', path: ({ bot }) => `/bots/${bot}/changes` },
  { name: 'diagnostics', path: ({ bot }) => `/bots/${bot}/diagnostics` },
  { name: 'config', path: ({ bot }) => `/bots/${bot}/config` },
  { name: 'keys', path: () => '/keys' },
  { name: 'profile', path: () => '/settings/profile' },
  { name: 'security', path: () => '/settings/security' },
  { name: 'tokens', path: () => '/settings/tokens' },
  { name: 'instance', path: () => '/admin/instance' },
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
