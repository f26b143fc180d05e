// One browser, one worker: a real bot takes a gigabyte, and Chela's tests share two cores with it.
import { defineConfig } from '@playwright/test';
import type { Options } from './support/test.ts';

const report = process.env.CHELA_TEST_REPORT;

export default defineConfig<Options>({
  testDir: 'tests',
  outputDir: 'test-results/files',
  workers: 1,
  fullyParallel: false,
  // As in .config/nextest.toml: one that passes the second time is told by name and words.
  retries: process.env.CI === 'true' ? 1 : 0,
  forbidOnly: !!process.env.CI,
  // Deadlines, not measurements: on a busy machine a page takes seconds to begin, and nothing here is about how many.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [['list'], ...(report ? [['json', { outputFile: report }] as const] : [])],
  use: {
    browserName: 'chromium',
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHELA_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'process', use: { runtime: 'process' } },
    { name: 'docker', testMatch: /main-job\.spec\.ts/, use: { runtime: 'docker' } },
  ],
});
