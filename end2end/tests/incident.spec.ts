// 03:00, on a phone: a bot dies again and again. From the alert to why, and to what mends it, in three taps.
import { PHONE, THEMES, faultless, photograph, visit } from '../support/pages.ts';
import { Effort, hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

test('three taps lead from the alert over the reason to the answer @shots', async ({ page, crowd: { chela, api } }) => {
  test.setTimeout(180_000);
  await page.setViewportSize(PHONE);
  const bot = (await api.createBot('Night porter')).slug;
  await api.untilRunning(bot);
  await page.goto(chela.url);
  await hydrated(page);
  const bell = page.getByRole('link', { name: /^Notifications, / });

  // It is brought back each time, and dies each time: the third is a crash loop.
  for (let death = 1; death <= 3; death += 1) {
    await chela.kill(bot);
    const told = async () => (await api.call<{ items: { kind: string }[] }>('GET', `bots/${bot}/events`)).items;
    await expect.poll(async () => (await told()).filter(({ kind }) => kind === 'died').length, { timeout: 10_000 }).toBe(death);
    if (death < 3) await api.untilRunning(bot);
  }
  await expect(bell).toHaveAccessibleName(/unread/, { timeout: 10_000 });

  const person = new Effort();
  await person.click(bell);
  const alert = page.getByRole('listitem').filter({ hasText: 'Night porter' }).first();
  await expect(alert).toContainText(/3 times/);
  await person.click(alert.getByRole('link', { name: 'Night porter' }));
  await page.waitForURL(/\/overview$/);
  await expect(page.getByText(/died 3 times in/).first()).toBeVisible();
  await person.click(page.getByRole('button', { name: 'Restart' }));
  await api.untilRunning(bot);
  expect(person.clicks).toBeLessThanOrEqual(3);
  await expect(page.getByText('Ready to talk')).toBeVisible({ timeout: 30_000 });

  for (const [name, path] of [
    ['incident-alerts', '/alerts'],
    ['incident-diagnostics', `/bots/${bot}/diagnostics`],
    ['incident-changes', `/bots/${bot}/changes`],
  ] as const) {
    for (const theme of THEMES) {
      await visit(page, chela.url + path, theme, PHONE);
      await hydrated(page);
      await faultless(page);
      await photograph(page, `${name}-${theme}-390`);
    }
  }
});
