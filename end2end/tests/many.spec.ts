// Many bots at once, as stand-in gateways: found, counted, acted on together, taken back.
import type { Page } from '@playwright/test';
import { MODEL } from '../support/api.ts';
import { DESKTOP, PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

const BOTS = 12;

const rows = (page: Page) => page.locator('tbody tr');
const chip = (page: Page, name: RegExp) => page.getByRole('navigation', { name: 'Which bots' }).getByRole('link', { name });
const pick = (page: Page, name: string) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true });

test('twelve bots are found, stopped together, thrown away and taken back @shots', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(180_000);
  for (let n = 1; n <= BOTS; n += 1) {
    await api.call('POST', 'bots', { name: `Helper ${n}`, model: MODEL, tags: [n % 2 ? 'odd' : 'even'] });
  }
  await page.goto(`${chela.url}/bots`);
  await hydrated(page);

  // Counted, and kept true without a reload.
  await expect(chip(page, /^Running 12$/)).toBeVisible({ timeout: 60_000 });
  await expect(rows(page)).toHaveCount(BOTS);

  // Narrowed by tag and words; what is asked stands in the address.
  await page.getByLabel('Tag', { exact: true }).selectOption('odd');
  await page.waitForURL(/tag=odd/);
  await expect(rows(page)).toHaveCount(6);
  await page.getByRole('searchbox').fill('helper 1');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=helper/);
  await expect(rows(page)).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(rows(page)).toHaveCount(2);

  // Two together: stopped, and taken back.
  await page.getByRole('checkbox', { name: 'Select all on this page' }).check();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByText('Asked to stop: 2', { exact: true })).toBeVisible();
  await expect(chip(page, /^Stopped 2$/)).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('Asked to start: 2', { exact: true })).toBeVisible();
  await expect(chip(page, /^Stopped 0$/)).toBeVisible({ timeout: 30_000 });

  // Exactly two can be compared.
  await page.goto(`${chela.url}/bots?sort=name`);
  await hydrated(page);
  const compare = page.getByRole('button', { name: 'Compare' });
  await pick(page, 'Helper 1').check();
  await expect(compare).toBeHidden();
  await pick(page, 'Helper 2').check();
  await pick(page, 'Helper 3').check();
  await expect(compare).toBeHidden();
  await pick(page, 'Helper 3').uncheck();
  await compare.click();
  await page.waitForURL(/left=helper-1&right=helper-2/);
  await expect(page.locator('tr.differs')).toHaveText([/Tags.*odd.*even/]);
  for (const theme of THEMES) {
    for (const size of [DESKTOP, PHONE]) {
      await visit(page, page.url(), theme, size);
      await faultless(page);
      await photograph(page, `compare-full-${theme}${size === PHONE ? '-390' : ''}`);
    }
  }
  await page.setViewportSize(DESKTOP);

  // Thrown away, found in the trash, one restored, one deleted for ever.
  await page.goto(`${chela.url}/bots?sort=name`);
  await hydrated(page);
  await pick(page, 'Helper 2').check();
  await pick(page, 'Helper 3').check();
  await page.getByRole('button', { name: 'Move to trash' }).click();
  await expect(page.getByText('Moved to trash: 2', { exact: true })).toBeVisible();
  await expect(rows(page)).toHaveCount(BOTS - 2);
  await chip(page, /^Trash 2$/).click();
  await page.waitForURL(/trashed=true/);
  await expect(rows(page)).toHaveCount(2);
  await pick(page, 'Helper 3').check();
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByText('Restored: 1', { exact: true })).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await pick(page, 'Helper 2').check();
  await page.getByRole('button', { name: 'Delete for ever' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Type delete to confirm').fill('delete');
  // Enter presses no button: the first of the form would take the bots back.
  await page.keyboard.press('Enter');
  expect((await api.call<{ trashed: number }>('GET', 'bots/stats')).trashed).toBe(1);
  await dialog.getByRole('button', { name: 'Delete for ever' }).click();
  await expect(page.getByText('Being deleted: 1', { exact: true })).toBeVisible();
  await expect(page.getByText('The trash is empty')).toBeVisible();

  // Everything of it in both themes and sizes, with the bar in sight.
  for (const [name, path, picked] of [
    ['many', '/bots?sort=name', 3],
    ['trash', '/bots?trashed=true', 1],
  ] as const) {
    if (name === 'trash') await api.call('POST', 'bots/helper-4/trash', {});
    for (const theme of THEMES) {
      for (const size of [DESKTOP, PHONE]) {
        await visit(page, chela.url + path, theme, size);
        await hydrated(page);
        for (let n = 0; n < picked; n += 1) await rows(page).nth(n).getByRole('checkbox').check();
        await expect(page.getByRole('group', { name: 'selected' })).toBeVisible();
        await faultless(page);
        await photograph(page, `${name}-full-${theme}${size === PHONE ? '-390' : ''}`);
      }
    }
  }

  // A view nothing fits says so and leads back.
  await page.goto(`${chela.url}/bots?q=nobody`);
  await expect(page.getByText('No bot fits')).toBeVisible();
  await page.getByRole('link', { name: 'Show all bots' }).click();
  await expect(rows(page)).toHaveCount(BOTS - 2);
});
