// What a person who is new here meets on the way: what to do first, and no old alarm beside new work.
import { addKey, createPasskey, hydrated } from '../support/steps.ts';
import { virtualAuthenticator } from '../support/authenticator.ts';
import { expect, test } from '../support/test.ts';

test('before anybody is enrolled, login says where the first link is found', async ({ page, chela, authenticator }) => {
  void authenticator;
  await page.goto(`${chela.url}/login`);
  await hydrated(page);
  await expect(page.getByRole('heading', { name: 'Not set up yet' })).toBeVisible();
  for (const command of ['chela serve', 'chela setup', 'chela admin enrol-link --user NAME']) {
    await expect(page.getByText(command, { exact: true })).toBeVisible();
  }
  await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toHaveCount(0);

  await page.goto(await chela.setupUrl());
  await createPasskey(page, 'Ada');
  await page.goto(`${chela.url}/login`);
  await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toBeVisible();
});

test('a link that was used opens no form', async ({ page, chela, expectedErrors }) => {
  expectedErrors.push(/status of 4\d\d/);
  await virtualAuthenticator(page);
  const link = await chela.setupUrl();
  await page.goto(link);
  await createPasskey(page, 'Ada');
  // The page is left first: one that finds itself signed out leads to the login by itself.
  await page.goto('about:blank');
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.locator('[data-passkey=register]')).toBeHidden();
});

test('an alert goes when the form is touched again, and comes back with the next failure', async ({ page, chela, vendor, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await virtualAuthenticator(page);
  await page.goto(await chela.setupUrl());
  await createPasskey(page, 'Ada');
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  const key = page.getByLabel('Key', { exact: true });
  const alert = page.locator('.key-form [role=alert]');
  for (let round = 0; round < 2; round += 1) {
    await key.fill('no-vendor-makes-such-a-key');
    await page.getByRole('button', { name: 'Add key' }).click();
    await expect(alert).toBeVisible();
    await key.fill('');
    await expect(alert).toBeHidden();
    // Some vendors take no key, so nothing is refused before it is sent: what is told is of this try, not of the last.
    await page.getByRole('button', { name: 'Add key' }).click();
    await expect(alert).toContainText('must not be empty');
  }
  await addKey(page, vendor);
  await expect(page.getByRole('link', { name: 'Create a bot' })).toBeVisible();
});

test('the configuration of a bot offers the models of the keys, and a name typed by hand', async ({ owner, house }) => {
  await owner.goto(`${house.chela.url}/bots/${house.bot}/config`);
  await hydrated(owner);
  const model = owner.getByLabel('Model', { exact: true });
  await expect(model).toHaveValue('custom/fake-model');
  expect(await model.evaluate((control) => control.tagName)).toBe('SELECT');
  await owner.getByRole('link', { name: 'Type a model that is not listed' }).click();
  await expect(model).toHaveValue('custom/fake-model');
  await model.fill('custom/another');
  await owner.getByRole('link', { name: 'Choose from the list' }).click();
  await expect(model).toHaveValue('custom/fake-model');
  await expect(owner.getByRole('navigation', { name: 'Where you are' })).toContainText('Atlas');
});

test('a page whose program cannot be loaded says so instead of connecting for ever', async ({ browser, house }) => {
  for (const javaScriptEnabled of [true, false]) {
    const context = await browser.newContext({ storageState: house.session, baseURL: house.chela.url, javaScriptEnabled });
    await context.route(/\.wasm(\?|$)/, (route) => route.abort());
    try {
      const page = await context.newPage();
      await page.goto('/bots');
      await expect(page.getByText('This page does not update by itself')).toBeVisible();
      await expect(page.getByText('Connecting…')).toBeHidden();
      await expect(page.getByText('Not live')).toBeVisible();
      if (javaScriptEnabled) continue;
      await context.clearCookies();
      await page.goto('/login');
      await expect(page.getByText('Passkeys need JavaScript')).toBeVisible();
      await expect(page.getByRole('button', { name: 'Sign in with a passkey' })).toBeHidden();
    } finally {
      await context.close();
    }
  }
});
