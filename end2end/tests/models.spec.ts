// Models: found, priced, described and taken back on their page; prices imported and exported as a file.
import { readFile } from 'node:fs/promises';
import { DESKTOP, PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

interface Entry {
  vendor: string;
  model: string;
  facts: { context_length: number | null; vision: boolean | null; display_name: string | null; recommended_scenarios: string[] | null };
  own_facts: unknown;
  price: { id: string | null; input_price: number; source: string | null } | null;
}

test('a model is found, priced and described, and all of it is taken back @shots', async ({ crowd: { chela, api }, page, expectedErrors }) => {
  test.setTimeout(120_000);
  expectedErrors.push(/status of 422/);
  const read = async () =>
    (await api.call<{ items: Entry[] }>('GET', 'models?vendor=openai&q=gpt-4o-mini')).items.find(({ model }) => model === 'gpt-4o-mini');
  await page.goto(`${chela.url}/keys`);
  await hydrated(page);
  await page.getByRole('link', { name: 'Models' }).click();
  await expect(page).toHaveURL(/\/routing\/models$/);
  await expect(page.getByRole('row')).toHaveCount(51);
  await page.getByRole('link', { name: 'Next page' }).click();
  await expect(page.getByRole('link', { name: 'First page' })).toBeVisible();
  for (const theme of THEMES) {
    for (const [size, name] of [[DESKTOP, 'models'], [PHONE, 'models-390']] as const) {
      await visit(page, `${chela.url}/routing/models`, theme, size);
      await faultless(page);
      await photograph(page, `${name}-list-${theme}`);
    }
  }
  await page.setViewportSize(DESKTOP);

  await page.getByRole('searchbox', { name: 'Name' }).fill('gpt-4O-m');
  await page.getByLabel('Vendor', { exact: true }).selectOption({ label: 'OpenAI' });
  await page.getByRole('button', { name: 'Find' }).click();
  const mini = page.getByRole('row').filter({ hasText: 'openai/gpt-4o-mini' });
  await expect(page.getByRole('row')).toHaveCount(2);
  await expect(mini).toContainText('128K');
  await expect(mini).toContainText('$0.15 / $0.60');

  await page.goto(`${chela.url}/routing/models?q=gpt-4o-mini`);
  await hydrated(page);
  await mini.getByRole('link', { name: 'Edit openai/gpt-4o-mini' }).click();
  await page.waitForURL(/edit=/);
  await expect(page.getByLabel('Input, USD per million')).toHaveValue('0.15');
  await page.getByLabel('Input, USD per million').fill('cheap');
  await page.getByRole('button', { name: 'Save price' }).click();
  await expect(page.getByText('must be USD per million tokens').first()).toBeVisible();
  await page.getByLabel('Input, USD per million').fill('0.10');
  await page.getByLabel('Reasoning, USD per million').fill('0.30');
  await page.locator('#price-source').fill('our contract');
  await page.getByRole('button', { name: 'Save price' }).click();
  const own = page.getByRole('listitem').filter({ hasText: 'our contract' });
  await expect(own).toContainText('$0.10 in, $0.60 out');
  await expect(own).toContainText('reasoning $0.30');
  expect((await read())?.price).toMatchObject({ input_price: 100_000, source: 'our contract' });

  await page.getByLabel('Context, tokens').fill('64000');
  await page.getByLabel('Sees images').selectOption('no');
  await page.getByLabel('Coding').fill('71');
  await page.locator('#facts-display_name').fill('Our mini');
  await page.getByLabel('Good for').fill('code, translation');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Take back all of it' })).toBeVisible();
  expect((await read())?.facts).toMatchObject({ context_length: 64_000, vision: false, display_name: 'Our mini', recommended_scenarios: ['code', 'translation'] });
  for (const theme of THEMES) {
    for (const [size, name] of [[DESKTOP, 'model'], [PHONE, 'model-390']] as const) {
      await visit(page, `${chela.url}/routing/models?q=gpt-4o-mini&edit=openai%2Fgpt-4o-mini`, theme, size);
      await faultless(page);
      await photograph(page, `${name}-own-${theme}`);
    }
  }
  await page.setViewportSize(DESKTOP);
  await hydrated(page);
  await page.getByRole('button', { name: 'Take back all of it' }).click();
  await expect(page.getByRole('button', { name: 'Take back all of it' })).toHaveCount(0);
  await own.getByRole('button', { name: 'Delete the price since' }).click();
  await expect(own).toHaveCount(0);
  await expect.poll(async () => (await read())?.price?.id).toBeNull();
  expect((await read())?.own_facts).toBeNull();

  await page.goto(`${chela.url}/routing/models?q=there-is-no-such-model`);
  await expect(page.getByText('No model is known by that')).toBeVisible();
  await page.getByRole('link', { name: 'Show all models' }).last().click();
  await expect(page.getByRole('row')).toHaveCount(51);
});

test('a file of prices is checked, refused with its bad line, taken, and exported again @shots', async ({ crowd: { chela, api }, page, expectedErrors }) => {
  test.setTimeout(120_000);
  expectedErrors.push(/status of 422/);
  await page.goto(`${chela.url}/routing/models`);
  await hydrated(page);
  await page.getByText('Import prices').click();
  const file = (rows: string) => ({ name: 'prices.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) });
  const rows = 'vendor,model,input_usd,output_usd,source\nopenai,of-a-file,1.25,10,a contract\nmistral,another,0.10,0.30,\n';
  await page.getByLabel('File', { exact: true }).setInputFiles(file(rows.replace('0.10', 'dear')));
  await expect(page.getByLabel('Or its lines')).toHaveValue(/of-a-file/);
  await page.getByRole('button', { name: 'Check' }).click();
  await expect(page.getByText(/line 3: input price must be USD/).first()).toBeVisible();
  await expect(page.getByText('Nothing was changed')).toBeVisible();

  await page.getByLabel('File', { exact: true }).setInputFiles(file(rows));
  await page.getByRole('button', { name: 'Check' }).click();
  await expect(page.getByText('2 added, 0 replaced, 0 unchanged')).toBeVisible();
  const found = async () => (await api.call<{ items: Entry[] }>('GET', 'models?own=true')).items.map(({ model }) => model);
  expect(await found(), 'a check changes nothing').not.toContain('of-a-file');
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.setViewportSize(PHONE);
    await faultless(page);
    await page.locator('#import').scrollIntoViewIfNeeded();
    await photograph(page, `models-import-390-${theme}`);
    await page.setViewportSize(DESKTOP);
    await photograph(page, `models-import-${theme}`);
  }
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(page.getByText('Prices imported')).toBeVisible();
  expect(await found()).toEqual(expect.arrayContaining(['of-a-file', 'another']));

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export' }).click();
  const text = await readFile(await (await download).path(), 'utf8');
  expect(text).toMatch(/,openai,of-a-file,,1\.25,10\.00,,,,a contract\r\n/);
  await page.getByLabel('Or its lines').fill(text);
  await page.getByRole('button', { name: 'Check' }).click();
  await expect(page.getByText('All of it is here already.')).toBeVisible();
});

test('without wasm a price of ones own is set and deleted, and models are found', async ({ crowd: { chela, api }, page, expectedErrors }) => {
  expectedErrors.push(/Failed to load resource|Failed to fetch/);
  await hydrated(page);
  await page.context().route(/\.wasm(\?|$)/, (route) => route.abort());
  await page.goto(`${chela.url}/routing/models?edit=new`);
  await page.locator('#price-vendor').fill('openai');
  await page.locator('#price-model').fill('without-wasm');
  await page.getByLabel('Input, USD per million').fill('1');
  await page.getByLabel('Output, USD per million').fill('2');
  await page.getByRole('button', { name: 'Save price' }).click();
  await expect
    .poll(async () => (await api.call<{ items: Entry[] }>('GET', 'models?q=without-wasm')).items.length)
    .toBe(1);
  await page.goto(`${chela.url}/routing/models`);
  await page.getByRole('searchbox', { name: 'Name' }).fill('without-wasm');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('link', { name: 'Edit openai/without-wasm' }).click();
  await page.getByRole('button', { name: 'Delete the price since' }).click();
  await expect
    .poll(async () => (await api.call<{ items: Entry[] }>('GET', 'models?q=without-wasm')).items.length)
    .toBe(0);
});
