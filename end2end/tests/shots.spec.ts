// Photographs for the README and for looking at: full, empty and error, light and dark, and full on a phone.
// They are taken by `./x e2e --grep @shots` with CHELA_TEST_SHOTS=1, so that a test run changes no file of the checkout.
import { randomBytes } from 'node:crypto';
import { createPasskey, send } from '../support/steps.ts';
import { Chela } from '../support/chela.ts';
import { virtualAuthenticator } from '../support/authenticator.ts';
import { DESKTOP, PHONE, PLACES, THEMES, photograph, settled, visit, type Theme } from '../support/pages.ts';
import { expect, test } from '../support/test.ts';

test.skip(!process.env.CHELA_TEST_SHOTS, 'photographs are taken on request');

test('photographs of full pages @shots', async ({ page, owner, house }) => {
  test.setTimeout(300_000);
  await house.api.untilRunning(house.bot);
  await owner.goto(`${house.chela.url}/bots/${house.bot}/chat`);
  const token = randomBytes(6).toString('hex');
  await send(owner, `Please compute ask:${token}`);
  await expect(owner.getByText(house.vendor.answerTo(token)).last()).toBeVisible({ timeout: 60_000 });

  for (const place of PLACES) {
    const visitor = place.open ? page : owner;
    for (const theme of THEMES) {
      await visit(visitor, house.chela.url + place.path(house), theme, DESKTOP);
      await photograph(visitor, `${place.name}-full-${theme}`);
    }
    await visit(visitor, house.chela.url + place.path(house), 'light', PHONE);
    await photograph(visitor, `${place.name}-full-light-390`);
  }
});

test('photographs of empty pages @shots', async ({ browser, runtime }) => {
  const chela = await Chela.start({ runtime });
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await virtualAuthenticator(page);
    await page.goto(await chela.setupUrl());
    await settled(page);
    await photograph(page, 'setup-full-light');
    await createPasskey(page, 'Ada');
    for (const place of PLACES.filter(({ name }) => ['home', 'bots', 'create', 'keys', 'security'].includes(name))) {
      for (const theme of THEMES) {
        await visit(page, chela.url + place.path({} as never), theme, DESKTOP);
        await photograph(page, `${place.name}-empty-${theme}`);
      }
    }
  } finally {
    await context.close();
    await chela.stop();
  }
});

test('photographs of pages that cannot load @shots', async ({ owner, house, expectedErrors }) => {
  expectedErrors.push(/Failed to load resource|status of 503|status of 404|WebSocket/);
  const lost: [string, string][] = [
    ['bot', '/bots/there-is-no-such-bot/overview'],
    ['chat', '/bots/there-is-no-such-bot/chat'],
    ['home', '/there-is-no-such-page'],
  ];
  for (const [name, path] of lost) {
    for (const theme of THEMES as Theme[]) {
      await visit(owner, house.chela.url + path, theme, DESKTOP);
      await photograph(owner, `${name}-error-${theme}`);
    }
  }
});
