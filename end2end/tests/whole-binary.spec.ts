// The binary is whole: copied alone into an empty directory it serves a page that hydrates.
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chela } from '../support/chela.ts';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

const BINARY = process.env.CHELA_TEST_WHOLE_BINARY;

test('the binary copied alone into an empty directory serves pages that hydrate', async ({ page }) => {
  test.skip(!BINARY, 'no binary with an embedded site was built');
  expect((await stat(BINARY!)).isFile()).toBe(true);
  const empty = await mkdtemp(join(tmpdir(), 'chela-alone-'));
  try {
    const alone = join(empty, 'chela');
    await copyFile(BINARY!, alone);
    const chela = await Chela.start({ runtime: 'process', binary: alone, cwd: empty });
    try {
      await page.goto(`${chela.url}/login`);
      await hydrated(page);
      await expect(page.getByRole('heading', { name: 'Not set up yet' })).toBeVisible();
      expect(await readdir(empty)).toEqual(['chela']);
    } finally {
      await chela.stop();
    }
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
});
