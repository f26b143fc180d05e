// Programs under test: started, watched, stopped; their words kept for the report of a failure.
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A running program and everything it said. */
export class Program {
  readonly child: ChildProcess;
  private said = '';
  private over = false;

  constructor(command: string, args: string[], env: Record<string, string>, cwd?: string) {
    this.child = spawn(command, args, { env: { ...base(), ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (chunk: Buffer) => (this.said += chunk.toString());
    this.child.stdout?.on('data', hear);
    this.child.stderr?.on('data', hear);
    this.child.on('error', (error) => ((this.said += `${error}\n`), (this.over = true)));
    this.child.on('exit', () => (this.over = true));
  }

  get log(): string {
    return this.said;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Polls until `ready` gives something, the program ends, or time is up. */
  async until<T>(what: string, ready: () => Promise<T | undefined> | T | undefined, ms = 30_000): Promise<T> {
    const deadline = Date.now() + ms;
    while (Date.now() < deadline) {
      if (this.over) throw new Error(`it ended before ${what}:\n${this.said}`);
      const found = await Promise.resolve(ready()).catch(() => undefined);
      if (found !== undefined) return found;
      await pause(50);
    }
    throw new Error(`no ${what} within ${ms} ms:\n${this.said}`);
  }

  /** SIGTERM, and SIGKILL when that is not heard. */
  async stop(ms = 20_000): Promise<void> {
    if (this.over) return;
    const ended = new Promise<void>((done) => this.child.once('exit', () => done()));
    this.child.kill('SIGTERM');
    const killed = pause(ms, 'late', { ref: false });
    if ((await Promise.race([ended, killed])) === 'late') {
      this.child.kill('SIGKILL');
      await ended;
      throw new Error(`it did not stop within ${ms} ms of SIGTERM:\n${this.said}`);
    }
  }
}

/** What a program needs of our environment; no setting of ours slips in. */
function base(): Record<string, string> {
  const keep = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'DOCKER_HOST', 'RUST_BACKTRACE'];
  const env: Record<string, string> = {};
  for (const name of keep) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((done) => server.listen(0, '127.0.0.1', () => done(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** A program the build must have left; says so when it did not. */
export function built(variable: string, fallback: string): string {
  return process.env[variable] ?? new URL(`../../${fallback}`, import.meta.url).pathname;
}
