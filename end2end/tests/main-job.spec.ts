// The main job, which cannot be faked: a passkey, a key, a real bot, and an answer that only the vendor could have
// computed, streamed into the page through Chela's relay. Runs once per runtime.
import { randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import { Effort, addKey, createPasskey, send } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

test('a person sets Chela up, makes a bot and talks to it', async ({ page, chela, vendor, authenticator }) => {
  void authenticator;
  test.setTimeout(300_000);

  await test.step('enrol a passkey by the printed link', async () => {
    await page.goto(await chela.setupUrl());
    await createPasskey(page, 'Ada');
  });

  await test.step('paste a provider key', async () => {
    await page.goto(`${chela.url}/keys`);
    await addKey(page, vendor);
    await expect(page.locator('body')).not.toContainText(vendor.key);
  });

  await test.step('create a bot with at most four clicks and two fields', async () => {
    await page.goto(`${chela.url}/bots`);
    const effort = new Effort();
    await effort.click(page.getByRole('link', { name: /(new|create).* bot/i }).first());
    await page.waitForURL(/\/bots\/new/);
    await effort.fill(page.getByLabel('Name'), 'Atlas');
    await effort.click(page.getByRole('button', { name: 'Create bot' }));
    await page.waitForURL(/\/bots\/atlas/);
    expect(effort.clicks).toBeLessThanOrEqual(4);
    expect(effort.fields).toBeLessThanOrEqual(2);
  });

  await test.step('watch the stages until the gateway is ready', async () => {
    await recordStages(page);
    await expect(page.getByRole('list', { name: 'Stages' })).toBeVisible();
    await expect(page.getByRole('status').filter({ hasText: /^Running$/ })).toBeVisible({ timeout: 180_000 });
    const seen = await page.evaluate(() => (window as unknown as { stages: string[] }).stages);
    expect(seen.length, `stages seen in progress: ${seen.join(', ')}`).toBeGreaterThanOrEqual(2);
    await expect(page.getByText('Ready to talk')).toBeVisible();
  });

  const token = randomBytes(12).toString('hex');
  const digest = vendor.answerTo(token);
  await test.step('send a message and see the answer stream in', async () => {
    await page.getByRole('navigation', { name: 'Bot', exact: true }).getByRole('link', { name: 'Chat' }).click();
    await recordGrowth(page, digest);
    await send(page, `ask:${token}`);
    await expect(page.getByText(digest).last()).toBeVisible({ timeout: 60_000 });
    const partial = await page.evaluate(() => (window as unknown as { partial: string[] }).partial);
    const states = new Set(partial.filter((text) => text.length > 0 && text.length < digest.length));
    expect(states.size, `partial states: ${[...states]}`).toBeGreaterThanOrEqual(3);
  });

  await test.step('the vendor saw one call, with the real key and without the token of the bot', async () => {
    const calls = await vendor.modelCalls();
    expect(calls).toHaveLength(1);
    const headers = calls[0]!.headers;
    expect(headers['authorization']).toBe(`Bearer ${vendor.key}`);
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    expect(JSON.stringify(headers)).not.toContain('chela_bot_');
  });

  await test.step('the answer is still there after a reload, and the log names no secret', async () => {
    await page.reload();
    await expect(page.getByText(digest).last()).toBeVisible();
    expect(chela.log).not.toContain(vendor.key);
  });
});

/** From now on, remembers every stage that the page shows as being in progress. */
async function recordStages(page: Page): Promise<void> {
  await page.evaluate(() => {
    const stages: string[] = [];
    (window as unknown as { stages: string[] }).stages = stages;
    const look = () => {
      for (const item of document.querySelectorAll('ol[aria-label="Stages"] li')) {
        const name = item.querySelector('.step-name')?.textContent ?? '';
        if (item.textContent?.includes('in progress') && !stages.includes(name)) stages.push(name);
      }
    };
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

/** From now on, remembers every longest beginning of the digest that the page showed. */
async function recordGrowth(page: Page, digest: string): Promise<void> {
  await page.evaluate((digest) => {
    const partial: string[] = [];
    (window as unknown as { partial: string[] }).partial = partial;
    const look = () => {
      const text = document.querySelector('main')?.textContent ?? '';
      for (let length = digest.length; length > 0; length -= 1) {
        const beginning = digest.slice(0, length);
        // One or two letters of a hex digest stand on any page.
        if (length >= 4 && text.includes(beginning)) {
          if (partial.at(-1) !== beginning) partial.push(beginning);
          return;
        }
      }
    };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  }, digest);
}
