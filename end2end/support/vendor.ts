// The fake model vendor: knows one key, answers sha256(nonce + token) in 40 chunks, and remembers every call.
import { createHash, randomBytes } from 'node:crypto';
import { Program, built } from './processes.ts';

export interface VendorCall {
  path: string;
  headers: Record<string, string>;
  status: number | null;
}

export class Vendor {
  private constructor(
    private readonly program: Program,
    readonly port: number,
    /** The one key it takes. */
    readonly key: string,
    private readonly nonce: string,
  ) {}

  static async start(options: { delayMs?: number } = {}): Promise<Vendor> {
    const key = `sk-proj-${randomBytes(24).toString('hex')}`;
    const nonce = randomBytes(8).toString('hex');
    const program = new Program(
      built('CHELA_TEST_FAKE_VENDOR', 'target/fast/fake-vendor'),
      ['--key', key, '--nonce', nonce, '--delay-ms', String(options.delayMs ?? 25)],
      {},
    );
    const port = await program.until('the port of the fake vendor', () => {
      const line = program.log.split('\n').find((line) => line.startsWith('{') && line.includes('"port"'));
      return line ? (JSON.parse(line) as { port: number }).port : undefined;
    });
    return new Vendor(program, port, key, nonce);
  }

  /** What a person types as the base URL of this vendor. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** What the bot must answer to a message that asks for this token. */
  answerTo(token: string): string {
    return createHash('sha256').update(this.nonce + token).digest('hex');
  }

  async calls(): Promise<VendorCall[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/__calls`);
    return (await answer.json()) as VendorCall[];
  }

  /** Model calls only: not the listing of models when a key is tested. */
  async modelCalls(): Promise<VendorCall[]> {
    return (await this.calls()).filter((call) => !call.path.startsWith('/v1/models'));
  }

  /** Takes a new key, and after that the old one or not: what somebody does on the vendor's own page. */
  async setKeys(keys: { key?: string; also?: string }): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/__control`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(keys),
    });
    if (!answer.ok) throw new Error(`the fake vendor: ${answer.status}`);
  }

  stop(): Promise<void> {
    return this.program.stop();
  }
}
