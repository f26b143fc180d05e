"""A Chela of its own to be measured: one data dir, stand-in gateways, everything on loopback."""
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEADLINE = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class House:
    """One data dir and the servers that live in it one after another."""

    def __init__(self, binary, gateway, dir):
        self.binary, self.dir = str(pathlib.Path(binary).resolve()), dir
        self.panel = free_port()
        stand_in = dir / "gateway"
        shutil.copy2(gateway, stand_in)
        stand_in.chmod(0o755)
        self.env = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
            "CHELA_DATA_DIR": str(dir / "data"), "CHELA_LISTEN": f"127.0.0.1:{self.panel}",
            "CHELA_RELAY_LISTEN": f"127.0.0.1:{free_port()}", "CHELA_METRICS_LISTEN": f"127.0.0.1:{free_port()}",
            "CHELA_RUNTIME": "process", "CHELA_ALLOW_UNISOLATED": "0" if os.geteuid() == 0 else "1",
            "CHELA_OPENCLAW": f"/usr/bin/env FAKE_GATEWAY_REPLY=clock {stand_in}", "CHELA_LOG": "warn",
            "CHELA_PRIVATE_UPSTREAMS": "127.0.0.1:9",
            "LEPTOS_OUTPUT_NAME": "chela", "LEPTOS_SITE_ROOT": str(ROOT / "target/site"), "LEPTOS_SITE_PKG_DIR": "pkg",
        }
        self.process = None

    def run(self, *args):
        done = subprocess.run([self.binary, *args], env=self.env, cwd=self.dir, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"chela {' '.join(args)} failed: {done.stderr or done.stdout}")
        return done.stdout

    def start(self):
        """Starts the server; milliseconds until it says that it is ready."""
        log = open(self.dir / "serve.log", "ab")
        began = time.perf_counter()
        self.process = subprocess.Popen([self.binary, "serve"], env=self.env, cwd=self.dir, stdout=log, stderr=log)
        while time.perf_counter() - began < DEADLINE:
            if self.process.poll() is not None:
                sys.exit("chela serve ended: " + (self.dir / "serve.log").read_text()[-2000:])
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    return (time.perf_counter() - began) * 1000
            except OSError:
                pass
            time.sleep(0.001)
        sys.exit("chela serve was never ready")

    def stop(self):
        self.process.terminate()
        self.process.wait(DEADLINE)

    def call(self, method, path, body=None, token=None, accept="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.panel, timeout=DEADLINE)
        headers = {"Host": f"localhost:{self.panel}", "Accept": accept}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
        answer = connection.getresponse()
        if "event-stream" in (answer.getheader("content-type") or ""):
            return answer.status, answer
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text

    def memory_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


def built():
    """The release binary where one is built, else the fast one."""
    release = ROOT / "target/release/chela"
    return str(release if release.exists() else ROOT / "target/fast/chela")


def stand_in():
    """The gateway that stands in for OpenClaw."""
    subprocess.run(["cargo", "build", "--quiet", "--profile", "fast", "-p", "testkit", "--bins"], cwd=ROOT, check=True)
    return ROOT / "target/fast/fake-gateway"


def add_key(house, token):
    """A key for models that nobody is asked for."""
    status, key = house.call("POST", "/api/keys", {
        "vendor": "custom", "label": "bench", "secret": "bench-0000000000000000",
        "base_url": "http://127.0.0.1:9/v1", "accept_failing": True}, token)
    if status != 201:
        sys.exit(f"no key: {status} {key}")


def model_of_many(house, token):
    """Makes a bot and stops it: the row that others are copies of."""
    made = house.call("POST", "/api/bots", {"name": "Model of many", "model": "custom/fake"}, token)[1]["id"]
    house.call("POST", f"/api/bots/{made}/stop", {}, token)
    while house.call("GET", f"/api/bots/{made}", None, token)[1]["observed"] != "stopped":
        time.sleep(0.05)
    return made


def copies(house, count):
    """Adds `count` stopped bots beside a server that does not run."""
    with sqlite3.connect(house.dir / "data/chela.db") as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("select * from bots where slug = 'model-of-many'").fetchone())
        names = ", ".join(row)
        holes = ", ".join("?" for _ in row)
        for n in range(count):
            row |= {"id": os.urandom(16), "slug": f"many-{n}", "name": f"Many {n * 7919 % count}", "uid": None,
                    "tags": json.dumps([f"t{n % 40}"]), "since_ms": row["created_at_ms"] + n}
            db.execute(f"insert into bots ({names}) values ({holes})", list(row.values()))
    db.close()


def person(house):
    """A person of the workspace who is logged in: the cookie of the session."""
    now, cookie = int(time.time() * 1000), secrets.token_urlsafe(32)
    with sqlite3.connect(house.dir / "data/chela.db") as db:
        db.row_factory = sqlite3.Row
        user, workspace = os.urandom(16), db.execute("select id from workspaces limit 1").fetchone()["id"]
        db.execute("insert into users (id, name, name_key, admin, created_at_ms) values (?, 'Bench', 'bench', 1, ?)", (user, now))
        db.execute("insert into members (workspace_id, user_id, role, created_at_ms) values (?, ?, 'owner', ?)",
                   (workspace, user, now))
        db.execute("insert into sessions (id, token_hash, user_id, label, created_at_ms, seen_at_ms, expires_at_ms)"
                   " values (?, ?, ?, 'bench', ?, ?, ?)",
                   (os.urandom(16), hashlib.sha256(cookie.encode()).digest(), user, now, now, now + 86_400_000))
    db.close()
    return f"__Host-chela={cookie}"
