// The built `chela`, started on an empty data dir as an operator would, with everything on free ports of loopback.
import { execFile } from 'node:child_process';
import { appendFile, chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Program, built, freePorts } from './processes.ts';

const run = promisify(execFile);

export type Runtime = 'process' | 'docker';

export interface ChelaOptions {
  runtime: Runtime;
  /** host:port of model upstreams on this machine. */
  upstreams?: string[];
  /** The binary; another one than the build's for the test of the whole binary. */
  binary?: string;
  /** Settings beyond the usual. */
  env?: Record<string, string>;
  /** Start it in this directory instead of the checkout. */
  cwd?: string;
}

export class Chela {
  private token?: string;

  private constructor(
    private readonly program: Program,
    private readonly home: string,
    private readonly binary: string,
    private readonly env: Record<string, string>,
    readonly url: string,
    readonly relayUrl: string,
  ) {}

  static async start(options: ChelaOptions): Promise<Chela> {
    // The data dir's parent must let the bots' uids through; Chela itself closes the rest.
    const home = await mkdtemp(join(tmpdir(), 'chela-e2e-'));
    await chmod(home, 0o755);
    const [panel, relay, metrics] = (await freePorts(3)) as [number, number, number];
    const url = `http://localhost:${panel}`;
    const binary = options.binary ?? built('CHELA_TEST_BIN', 'target/fast/chela');
    const env: Record<string, string> = {
      CHELA_DATA_DIR: join(home, 'data'),
      CHELA_LISTEN: `127.0.0.1:${panel}`,
      CHELA_RELAY_LISTEN: `127.0.0.1:${relay}`,
      CHELA_METRICS_LISTEN: `127.0.0.1:${metrics}`,
      CHELA_PUBLIC_URL: url,
      CHELA_RUNTIME: options.runtime,
      CHELA_PRIVATE_UPSTREAMS: (options.upstreams ?? []).join(','),
      ...(process.env.CHELA_TEST_TOOLS ? { CHELA_TOOLS: process.env.CHELA_TEST_TOOLS } : {}),
      // A binary without an embedded site reads it from the build.
      ...(options.binary ? {} : site()),
      ...options.env,
    };
    const program = new Program(binary, ['serve'], env, options.cwd);
    const chela = new Chela(program, home, binary, env, url, `http://127.0.0.1:${relay}`);
    await program
      .until('answer of /readyz', async () => ((await fetch(`${url}/readyz`)).ok ? true : undefined))
      .catch(async (error: unknown) => {
        await program.stop().catch(() => {});
        throw error;
      });
    return chela;
  }

  /** Runs a `chela` command against the same data dir and reads its JSON. */
  async command<T>(...args: string[]): Promise<T> {
    const { stdout } = await run(this.binary, [...args, '--json'], {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...this.env },
      timeout: 60_000,
    });
    return JSON.parse(stdout) as T;
  }

  async setupUrl(): Promise<string> {
    return (await this.command<{ setup_url: string }>('setup')).setup_url;
  }

  async adminToken(): Promise<string> {
    return (await this.command<{ token: string }>('admin', 'token', '--name', 'e2e')).token;
  }

  /** Writes a line to a process bot's output, as the bot itself would. */
  async write(slug: string, text: string): Promise<void> {
    const headers = { authorization: `Bearer ${(this.token ??= await this.adminToken())}` };
    const { id } = (await (await fetch(`${this.url}/api/bots/${slug}`, { headers })).json()) as { id: string };
    await appendFile(join(this.home, 'data', 'bots', id, 'logs', 'output.log'), `${Date.now()} ${text}\n`);
  }

  /** Calls a model as a process bot does, with its own token; the answer is read to its end. */
  async callModel(slug: string, body: unknown): Promise<number> {
    const headers = { authorization: `Bearer ${(this.token ??= await this.adminToken())}` };
    const { id } = (await (await fetch(`${this.url}/api/bots/${slug}`, { headers })).json()) as { id: string };
    const token = (await readFile(join(this.home, 'data', 'bots', id, 'run', 'tokens', 'relay'), 'utf8')).trim();
    const answer = await fetch(`${this.relayUrl}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await answer.text();
    return answer.status;
  }

  /** Ends a process bot as a crash would. */
  async kill(slug: string): Promise<void> {
    const headers = { authorization: `Bearer ${(this.token ??= await this.adminToken())}` };
    const { id } = (await (await fetch(`${this.url}/api/bots/${slug}`, { headers })).json()) as { id: string };
    const life = await readFile(join(this.home, 'data', 'bots', id, 'logs', 'life.json'), 'utf8');
    process.kill((JSON.parse(life) as { child: { pid: number } }).child.pid, 'SIGKILL');
  }

  get log(): string {
    return this.program.log;
  }

  async stop(): Promise<void> {
    try {
      // Bots outlive Chela on purpose: here they must not.
      await this.deleteBots();
    } finally {
      await this.program.stop().finally(() => rm(this.home, { recursive: true, force: true, maxRetries: 5 }));
    }
  }

  private async deleteBots(): Promise<void> {
    const headers = { authorization: `Bearer ${await this.adminToken()}` };
    for (const trashed of [false, true]) {
      const list = await fetch(`${this.url}/api/bots?limit=200&trashed=${trashed}`, { headers });
      const { items } = (await list.json()) as { items: { id: string }[] };
      for (const { id } of items) await fetch(`${this.url}/api/bots/${id}`, { method: 'DELETE', headers });
    }
    const bots = join(this.home, 'data', 'bots');
    await this.program.until('end of every bot', async () => {
      const left = await readdir(bots).catch(() => []);
      return left.some((name) => name.startsWith('bot_')) ? undefined : true;
    });
  }
}

function site(): Record<string, string> {
  return {
    LEPTOS_OUTPUT_NAME: 'chela',
    LEPTOS_SITE_PKG_DIR: 'pkg',
    LEPTOS_SITE_ROOT: built('CHELA_TEST_SITE', 'target/site'),
  };
}
