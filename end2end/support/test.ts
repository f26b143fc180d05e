// Fixtures. `chela` and `vendor` are one test's own, fresh and empty. `house` is one worker's: set up, with an owner
// who is signed in, a key and a bot, for specs that look at pages rather than at the way there.
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, type BrowserContext, type Page } from '@playwright/test';
import { Api, MODEL } from './api.ts';
import { virtualAuthenticator } from './authenticator.ts';
import { Chela, type Runtime } from './chela.ts';
import { built } from './processes.ts';
import { createPasskey } from './steps.ts';
import { Vendor } from './vendor.ts';

export interface Options {
  runtime: Runtime;
}

export interface House {
  chela: Chela;
  vendor: Vendor;
  api: Api;
  /** Slug of a bot that has been asked to run. */
  bot: string;
  /** Cookies of the owner. */
  session: Awaited<ReturnType<BrowserContext['storageState']>>;
}

interface OwnFixtures {
  /** A test's own Chela whose bots are stand-in gateways: quick, small, many. `page` is signed in as its owner. */
  crowd: { chela: Chela; api: Api };
  chela: Chela;
  vendor: Vendor;
  authenticator: void;
  /** A page on which nothing may go wrong unseen; add a pattern for what a test provokes. */
  expectedErrors: RegExp[];
  /** A page of the house's owner. */
  owner: Page;
}

interface WorkerFixtures extends Options {
  house: House;
}

export const test = base.extend<OwnFixtures, WorkerFixtures>({
  runtime: ['process', { option: true, scope: 'worker' }],

  vendor: async ({}, use) => {
    const vendor = await Vendor.start();
    await use(vendor);
    await vendor.stop();
  },

  chela: async ({ runtime, vendor, context }, use, info) => {
    const chela = await Chela.start({ runtime, upstreams: [`127.0.0.1:${vendor.port}`] });
    await use(chela);
    // A page that outlives its server would complain of that.
    for (const page of context.pages()) await page.goto('about:blank');
    await chela.stop().finally(() => keepLog(info, chela));
  },

  crowd: async ({ page, vendor }, use, info) => {
    const dir = await mkdtemp(join(tmpdir(), 'chela-gateway-'));
    await chmod(dir, 0o755);
    const gateway = join(dir, 'gateway');
    await copyFile(built('CHELA_TEST_GATEWAY', 'target/fast/fake-gateway'), gateway);
    await chmod(gateway, 0o755);
    const chela = await Chela.start({
      runtime: 'process',
      upstreams: [`127.0.0.1:${vendor.port}`],
      env: {
        CHELA_OPENCLAW: `/usr/bin/env FAKE_GATEWAY_REPLY=clock ${gateway}`,
        CHELA_OPENCLAW_VERSIONS: '2099.1.1,2099.1.2-broken',
      },
    });
    try {
      const api = await Api.of(chela);
      await api.addKey(vendor);
      await virtualAuthenticator(page);
      await page.goto(await chela.setupUrl());
      await createPasskey(page, 'Ada');
      await use({ chela, api });
    } finally {
      await page.goto('about:blank');
      await chela.stop();
      await rm(dir, { recursive: true, force: true });
      keepLog(info, chela);
    }
  },

  house: [
    async ({ browser, runtime }, use) => {
      const vendor = await Vendor.start();
      const chela = await Chela.start({ runtime, upstreams: [`127.0.0.1:${vendor.port}`] });
      const context = await browser.newContext();
      const page = await context.newPage();
      await virtualAuthenticator(page);
      await page.goto(await chela.setupUrl());
      await createPasskey(page, 'Ada');
      const session = await context.storageState();
      await context.close();
      const api = await Api.of(chela);
      await api.addKey(vendor);
      const bot = (await api.createBot('Atlas')).slug;
      await use({ chela, vendor, api, bot, session });
      await chela.stop();
      await vendor.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],

  authenticator: async ({ page }, use) => {
    await virtualAuthenticator(page);
    await use();
  },

  expectedErrors: async ({}, use) => use([]),

  page: async ({ page, expectedErrors }, use) => {
    const errors = watch(page);
    await use(page);
    check(errors, expectedErrors);
  },

  owner: async ({ browser, house, expectedErrors }, use, info) => {
    const context = await browser.newContext({ storageState: house.session, baseURL: house.chela.url });
    const page = await context.newPage();
    const errors = watch(page);
    await use(page);
    if (info.status !== info.expectedStatus) keepLog(info, house.chela);
    await context.close();
    check(errors, expectedErrors);
  },
});

export { expect } from '@playwright/test';
export { MODEL };

/** Collects what a page's console and scripts complain of. */
export function watch(page: Page): string[] {
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  return errors;
}

function check(errors: string[], expected: RegExp[]): void {
  const unexpected = errors.filter((error) => !expected.some((pattern) => pattern.test(error)));
  if (unexpected.length > 0) throw new Error(`the page complained:\n${unexpected.join('\n')}`);
}

function keepLog(info: { status?: string; expectedStatus: string; attach: Function }, chela: Chela): void {
  if (info.status !== info.expectedStatus) info.attach('chela.log', { body: chela.log, contentType: 'text/plain' });
}
