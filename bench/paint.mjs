// paint.mjs URL COOKIE LOADS: when Chromium first paints the list of bots, as JSON of milliseconds since the click.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../end2end/', import.meta.url))('@playwright/test');
const [url, cookie, loads] = process.argv.slice(2);
const [name, value] = cookie.split('=');
const took = { 'first visit': [], 'later visits': [] };
const browser = await chromium.launch({
  executablePath: process.env.CHELA_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

async function painted(page) {
  await page.goto(`${url}/bots`);
  await page.locator('html[data-hydrated]').waitFor();
  const rows = await page.getByRole('link', { name: /^Many / }).count();
  if (rows < 20) throw new Error(`only ${rows} bots are shown`);
  return page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
}

for (let load = 0; load < Number(loads); load += 1) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addCookies([{ name, value, url: url.replace('http:', 'https:'), secure: true, httpOnly: true }]);
  const page = await context.newPage();
  took['first visit'].push(await painted(page));
  took['later visits'].push(await painted(page));
  await context.close();
}
await browser.close();
console.log(JSON.stringify(took));
