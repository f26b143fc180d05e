// With WebAssembly blocked the pages are still of use: a person signs in, reads lists, and forms post.
import { createPasskey, signIn } from '../support/steps.ts';
import { virtualAuthenticator } from '../support/authenticator.ts';
import { expect, test } from '../support/test.ts';

test.use({ javaScriptEnabled: true });

test('without wasm a person signs in, reads lists and posts a form', async ({ browser, house, vendor }) => {
  const context = await browser.newContext({ baseURL: house.chela.url });
  await context.route(/\.wasm(\?|$)/, (route) => route.abort());
  const page = await context.newPage();
  try {
    await virtualAuthenticator(page);
    const link = await house.chela.command<{ url?: string; setup_url?: string }>('admin', 'enrol-link', '--user', 'Ada');
    await page.goto((link.url ?? link.setup_url)!);
    await createPasskey(page, 'Ada');

    await context.clearCookies();
    await page.goto('/login');
    await signIn(page);

    await page.goto('/bots');
    await expect(page.getByRole('link', { name: 'Atlas' }).first()).toBeVisible();
    await page.goto('/keys');
    await expect(page.getByText(house.vendor.key.slice(-4)).first()).toBeVisible();

    await page.goto('/bots/new');
    await page.getByLabel('Name').fill('Without wasm');
    await page.getByRole('button', { name: 'Create bot' }).click();
    await page.waitForURL(/\/bots\/without-wasm/);
    await expect(page.getByRole('heading', { name: 'Without wasm' })).toBeVisible();
    await house.api.call('DELETE', 'bots/without-wasm');
    void vendor;
  } finally {
    await context.close();
  }
});
