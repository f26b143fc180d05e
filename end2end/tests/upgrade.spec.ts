// Another OpenClaw for a bot: one that is no good never touches it, a good one takes over, and there is a way back.
import { DESKTOP, PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

test('a bot gets another OpenClaw, or keeps the one it has @shots', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(240_000);
  const bot = (await api.createBot('Meridian')).slug;
  await api.untilRunning(bot);
  await page.goto(`${chela.url}/bots/${bot}/overview`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Upgrade', exact: true }).click();
  await page.waitForURL(/\/config#openclaw$/);
  const card = page.locator('#openclaw');
  const before = (await card.getByText(/runs with OpenClaw/).textContent()) ?? '';

  await card.getByLabel('Version').selectOption('2099.1.2-broken');
  await card.getByRole('button', { name: 'Upgrade' }).click();
  await expect(card.getByText('The upgrade to 2099.1.2-broken came to nothing')).toBeVisible({ timeout: 30_000 });
  await expect(card.getByText(/exit 78/)).toBeVisible();
  await expect(card.getByText(before)).toBeVisible();
  const events = async () => (await api.call<{ items: { kind: string }[] }>('GET', `bots/${bot}/events`)).items.map((e) => e.kind);
  expect(await events()).not.toContain('died');

  await card.getByLabel('Version').selectOption('2099.1.1');
  await card.getByRole('button', { name: 'Upgrade' }).click();
  await expect(card.getByText('This bot runs with OpenClaw 2099.1.1.')).toBeVisible({ timeout: 30_000 });
  for (const theme of THEMES) {
    for (const size of [DESKTOP, PHONE]) {
      await visit(page, `${chela.url}/bots/${bot}/config`, theme, size);
      await hydrated(page);
      await faultless(page);
      await photograph(page, `upgrade-${theme}-${size.width}`);
    }
  }
  await expect(card.getByText('Upgraded to 2099.1.1')).toBeVisible({ timeout: 90_000 });
  await api.untilRunning(bot);

  await card.getByText(/^Go back to/).first().click();
  await card.getByRole('button', { name: /^Go back to/ }).click();
  await expect(card.getByText('Back from 2099.1.1')).toBeVisible({ timeout: 30_000 });
  await expect(card.getByText(before)).toBeVisible();
  await api.untilRunning(bot);
});
