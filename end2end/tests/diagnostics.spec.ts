// A bot that dies at night: why, what it left, what to press; its past; the trash and the way back.
import { readFile } from 'node:fs/promises';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

test('a death is named, what it left can be read, and a diagnosis says what to do', async ({ page, vendor, crowd: { chela, api } }) => {
  test.setTimeout(180_000);
  const bot = (await api.createBot('Atlas')).slug;
  await api.untilRunning(bot);

  // Two facts on the overview lead to the diagnosis.
  await page.goto(`${chela.url}/bots/${bot}/overview`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Diagnostics', exact: true }).last().click();
  await page.waitForURL(/\/diagnostics$/);
  await page.getByRole('button', { name: 'Run diagnosis' }).click();
  await expect(page.getByText('Everything the bot needs is there.')).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText('custom lists custom/fake-model.')).toBeVisible();
  await expect(page.getByText('It has not died.')).toBeVisible();

  // It dies; the page says so by itself.
  await chela.kill(bot);
  const open = page.getByRole('link', { name: 'Open', exact: true });
  await expect(open).toHaveCount(1);
  await open.click();
  await page.waitForURL(/postmortem=/);
  await expect(page.getByRole('definition').filter({ hasText: /^137$/ })).toBeVisible();
  const saved = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const left = JSON.parse(await readFile(await (await saved).path(), 'utf8')) as { exit_code: number };
  expect(left.exit_code).toBe(137);
  await api.untilRunning(bot);

  // What was done to it, kept true without a reload.
  await page.getByRole('link', { name: 'Changes', exact: true }).click();
  await page.waitForURL(/\/changes$/);
  const events = page.locator('ol.rows > li');
  await expect(events.filter({ hasText: 'Died' })).toHaveCount(1);
  await expect(events.filter({ hasText: 'Restart' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Restart' }).click();
  await expect(events.filter({ hasText: 'Restart' })).toHaveCount(1);
  await expect(events.filter({ hasText: 'Ready' })).toHaveCount(3);

  // A vendor that refuses the key: the bot lives and does not work.
  await fetch(`http://127.0.0.1:${vendor.port}/__control`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mode: { kind: 'status', status: 401, body: '{}' } }),
  });
  await page.getByRole('link', { name: 'Diagnostics', exact: true }).first().click();
  await page.getByRole('button', { name: 'Run diagnosis' }).click();
  await expect(page.getByText('Something the bot needs is missing.')).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole('button', { name: 'Test again' })).toBeVisible();
  await expect(page.getByText('Lives, but does not work').first()).toBeVisible({ timeout: 20_000 });
  // The news came while its answer was being read: that stays.
  await expect(page.getByText('Something the bot needs is missing.')).toBeVisible();

  // A copy, which is thrown away and taken back.
  await page.getByRole('button', { name: 'Clone' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name of the new bot').fill('Atlas two');
  await dialog.getByRole('button', { name: 'Clone' }).click();
  await page.waitForURL(/\/bots\/atlas-two\/overview/);
  await page.getByRole('button', { name: 'Move to trash' }).click();
  await expect(page.getByText('In the trash. It is kept for seven days')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('In the trash. It is kept for seven days')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Move to trash' })).toBeVisible();
  await api.untilRunning('atlas-two');
});
