// The entry of every bot, in a container and as a plain process.
//
// It does this and then becomes OpenClaw's gateway, in the same process:
//   1. checks that everything the gateway needs is there, and says in one sentence what is not;
//   2. drops what says that somebody else works with its state: nobody does;
//   3. where the last start was refused (exit 78), has OpenClaw's own doctor mend the state first;
//   4. where the bot has no network, carries its two wires: a loopback port piped to relay.sock
//      (the bot calls its models), and gateway.sock piped to the gateway's port (Chela calls it);
//   5. starts `openclaw gateway run`.
//
// Tokens never pass through here: the configuration names their files and the gateway reads them, so
// that no environment holds one, neither this process's nor that of a command the bot runs.
//
// The other half of this contract is crates/openclaw/src/config/cell.rs. No dependencies; Node >= 24.16.
//
// Environment:
//   CHELA_RUN_DIR          directory with tokens/{relay,gateway} and, with sockets, relay.sock
//   CHELA_OPENCLAW         path of openclaw.mjs
//   CHELA_WIRES            sockets | none
//   CHELA_RELAY_PORT       loopback port for the relay inside the cell (sockets only), usually 3100
//   CHELA_DOCTOR           seconds that `openclaw doctor --fix` may take before the start; absent: it does not run
//   OPENCLAW_STATE_DIR     the bot's state, for OpenClaw and for 2.
//   OPENCLAW_GATEWAY_PORT  port of the gateway, usually 18789
//
// Exit code 78: something required is missing or wrong; one sentence on stderr says what. OpenClaw
// uses the same code for a configuration it refuses. Whoever started us must not simply retry.

import { spawn } from "node:child_process";
import {
  accessSync, chmodSync, constants, copyFileSync, existsSync, lstatSync, mkdtempSync, rmSync, unlinkSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const EX_CONFIG = 78;
// A Unix socket's path has to fit into 108 bytes with its final NUL.
const SOCKET_PATH_MAX = 107;
// More than a gateway opens in parallel, few enough that a runaway bot cannot exhaust file handles.
const MAX_CONNECTIONS = 256;

/** Ends the process with one sentence. */
function refuse(sentence) {
  process.stderr.write(`cell: ${sentence}\n`);
  process.exit(EX_CONFIG);
}

function required(name) {
  const value = process.env[name];
  if (!value) refuse(`the environment variable ${name} is missing.`);
  return value;
}

function port(name, fallback) {
  const text = process.env[name] || fallback;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65535) {
    refuse(`${name} is "${text}", which is not a port.`);
  }
  return number;
}

function readable(path, what) {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    refuse(`${what} at ${path} cannot be read (${error.code ?? error.message}).`);
  }
}

/** Carries bytes both ways until both sides are done; a failure on one side ends the other. */
function splice(near, far) {
  for (const [from, to] of [[near, far], [far, near]]) {
    from.setNoDelay?.(true);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
    from.pipe(to);
  }
}

/** A listener whose every connection is joined to a fresh connection to `target`. */
function carry(listenOn, target, what) {
  return new Promise((ready) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      splice(near, connect({ ...target, allowHalfOpen: true }));
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.once("error", (error) => refuse(`${what} cannot be opened (${error.code ?? error.message}).`));
    // Never a reason to stay alive: OpenClaw decides when the process ends.
    server.unref();
    server.listen(listenOn, ready);
  });
}

function socketPath(runDir, name) {
  const path = join(runDir, name);
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    refuse(`the socket path ${path} is longer than ${SOCKET_PATH_MAX} bytes.`);
  }
  return path;
}

async function openWires(runDir, gatewayPort) {
  const relaySocket = socketPath(runDir, "relay.sock");
  const gatewaySocket = socketPath(runDir, "gateway.sock");
  const relayPort = port("CHELA_RELAY_PORT", "3100");
  // A socket of an earlier run is only a name; anything else under that name is not ours to remove.
  const stale = lstatSync(gatewaySocket, { throwIfNoEntry: false });
  if (stale && !stale.isSocket()) refuse(`${gatewaySocket} exists and is not a socket.`);
  if (stale) unlinkSync(gatewaySocket);
  await carry({ host: "127.0.0.1", port: relayPort }, { path: relaySocket }, `the relay port ${relayPort}`);
  await carry({ path: gatewaySocket }, { host: "127.0.0.1", port: gatewayPort }, `the socket ${gatewaySocket}`);
  // The directory around it decides who comes near (0700); Chela may run under another uid.
  chmodSync(gatewaySocket, 0o666);
}

/**
 * Drops the leases in OpenClaw's database. Chela starts one cell for a state, so whoever holds one has ended; or the state
 * is a copy and its holder works with the original: that process lives, and OpenClaw would refuse the copy for its sake.
 */
async function dropLeases(stateDir) {
  const file = join(stateDir, "state", "openclaw.sqlite");
  if (!existsSync(file)) return;
  const { emitWarning } = process;
  try {
    // That the module is experimental is no news for a bot's log.
    process.emitWarning = () => {};
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(file, { timeout: 2000 });
    try {
      const named = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
      if (named.get("agent_database_leases")) db.exec("DELETE FROM agent_database_leases");
    } finally {
      db.close();
    }
  } catch (error) {
    process.stderr.write(`cell: leases in ${file} stay (${error.code ?? error.message}).\n`);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/**
 * Has OpenClaw mend its own state. It wants to write the configuration too, which is Chela's: it gets a copy that
 * nobody reads afterwards. Whatever comes of it, the gateway is tried.
 */
async function mend(openclaw, seconds) {
  const dir = mkdtempSync(join(tmpdir(), "doctor-"));
  const copy = join(dir, "openclaw.json");
  try {
    copyFileSync(process.env.OPENCLAW_CONFIG_PATH, copy);
    chmodSync(copy, 0o600);
    const { OPENCLAW_CONFIG_READONLY: _, ...env } = { ...process.env, OPENCLAW_CONFIG_PATH: copy };
    const args = [openclaw, "doctor", "--fix", "--yes", "--non-interactive"];
    const doctor = spawn(process.execPath, args, {
      env, stdio: ["ignore", "inherit", "inherit"], timeout: seconds * 1000, killSignal: "SIGKILL",
    });
    const [code, signal] = await new Promise((ended) => {
      doctor.once("error", (error) => ended([error.code ?? error.message, null]));
      doctor.once("exit", (...how) => ended(how));
    });
    const how = signal ? `was ended after ${seconds} s` : code === 0 ? "is done" : `ended with ${code}`;
    process.stderr.write(`cell: openclaw doctor ${how}; the gateway is started.\n`);
  } catch (error) {
    process.stderr.write(`cell: openclaw doctor was not run (${error.code ?? error.message}).\n`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 16)) {
  refuse(`Node ${process.versions.node} is too old, OpenClaw needs 24.16 or newer.`);
}
const runDir = required("CHELA_RUN_DIR");
const openclaw = required("CHELA_OPENCLAW");
const wires = required("CHELA_WIRES");
const gatewayPort = port("OPENCLAW_GATEWAY_PORT", "18789");
if (wires !== "sockets" && wires !== "none") {
  refuse(`CHELA_WIRES is "${wires}", expected "sockets" or "none".`);
}
readable(openclaw, "OpenClaw");
readable(required("OPENCLAW_CONFIG_PATH"), "the configuration");
for (const kind of ["relay", "gateway"]) {
  readable(join(runDir, "tokens", kind), `the ${kind} token`);
}
const doctor = Number(process.env.CHELA_DOCTOR || 0);
if (!Number.isInteger(doctor) || doctor < 0) refuse(`CHELA_DOCTOR is "${process.env.CHELA_DOCTOR}", expected seconds.`);
if (process.env.OPENCLAW_STATE_DIR) await dropLeases(process.env.OPENCLAW_STATE_DIR);
if (doctor > 0) await mend(openclaw, doctor);
if (wires === "sockets") {
  await openWires(runDir, gatewayPort);
}

process.argv = [process.execPath, openclaw, "gateway", "run"];
await import(pathToFileURL(openclaw).href);
