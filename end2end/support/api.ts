// The REST API, for putting a scene in place quickly; what a test is about is done in the browser.
import { expect } from '@playwright/test';
import type { Chela } from './chela.ts';
import type { Vendor } from './vendor.ts';

export class Api {
  private constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  static async of(chela: Chela): Promise<Api> {
    return new Api(chela.url, await chela.adminToken());
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.base}/api/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /api/${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  addKey(vendor: Vendor, label = 'Test vendor'): Promise<{ id: string }> {
    return this.call('POST', 'keys', { vendor: 'custom', label, secret: vendor.key, base_url: vendor.baseUrl });
  }

  createBot(name: string): Promise<{ id: string; slug: string }> {
    return this.call('POST', 'bots', { name, model: MODEL });
  }

  async bot(slug: string): Promise<{ observed: string; stage: string | null; health: string }> {
    return this.call('GET', `bots/${slug}`);
  }

  async untilRunning(slug: string): Promise<void> {
    await expect
      .poll(async () => (await this.bot(slug)).observed, { timeout: 120_000, intervals: [500] })
      .toBe('running');
  }
}

/** The model that the fake vendor lists. */
export const MODEL = 'custom/fake-model';
