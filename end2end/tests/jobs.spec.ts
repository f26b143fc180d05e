// Work that goes on by itself, seen and ended by an administrator; and how long a bot stays awake.
import { hydrated } from '../support/steps.ts';
import { expect, test } from '../support/test.ts';

interface Sleeper {
  idle_stop_minutes: number | null;
}

test('work that waits appears by itself, is cancelled and discarded', async ({ owner, house }) => {
  test.setTimeout(180_000);
  const { api, bot, chela } = house;
  await api.untilRunning(bot);
  const thread = await api.call<{ id: string }>('POST', `bots/${bot}/threads`, { title: 'Old' });
  await api.call('POST', `bots/${bot}/stop`);
  await expect.poll(async () => (await api.bot(bot)).observed, { timeout: 60_000 }).toBe('stopped');
  await owner.goto(`${chela.url}/settings/profile`);
  await hydrated(owner);
  await owner.getByRole('link', { name: 'Jobs' }).click();
  await expect(owner).toHaveURL(/\/admin\/jobs$/);
  const row = owner.getByRole('listitem').filter({ hasText: 'Delete a thread in its bot' });
  await expect(owner.getByRole('link', { name: /^All / })).toHaveAttribute('aria-current', 'page');
  await expect(row).toHaveCount(0);

  // The bot is down: its part of the deletion waits, and the page hears of it.
  await api.call('DELETE', `threads/${thread.id}`);
  await expect(row).toContainText('Waiting');
  await expect(row.getByRole('link', { name: 'Atlas' })).toHaveAttribute('href', `/bots/${bot}/overview`);
  await row.getByRole('button', { name: 'Cancel job' }).click();
  await expect(row).toContainText('Cancelled');
  await owner.getByRole('link', { name: /^Cancelled / }).click();
  await expect(owner).toHaveURL(/state=cancelled/);
  await row.getByRole('button', { name: 'Discard' }).click();
  await expect(row).toHaveCount(0);
  await expect(owner.getByText('No such jobs')).toBeVisible();
  await api.call('POST', `bots/${bot}/start`);
  await api.untilRunning(bot);
});

test('how long a bot stays awake is chosen and kept', async ({ owner, house }) => {
  await owner.goto(`${house.chela.url}/bots/${house.bot}/config`);
  await hydrated(owner);
  const choice = owner.getByLabel('Put to sleep after');
  await expect(choice).toHaveValue('0');
  await choice.selectOption('30 min without work');
  await owner.locator('form').filter({ has: choice }).getByRole('button', { name: 'Save' }).click();
  const minutes = async () => (await house.api.call<Sleeper>('GET', `bots/${house.bot}`)).idle_stop_minutes;
  await expect.poll(minutes).toBe(30);
  await owner.reload();
  await expect(choice).toHaveValue('30');
  await house.api.call('PATCH', `bots/${house.bot}`, { idle_stop_minutes: 0 });
});
