# shellcheck shell=bash
# What tests need running: a Docker engine and a PostgreSQL. A running engine is used; what we start, we stop.

SERVICE_PIDS=()
SERVICE_DIRS=()

services_start() {
  trap services_stop EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  docker_start || warn "No Docker engine: tests with containers will fail."
  postgres_start || warn "No PostgreSQL: tests against it are left out."
}

services_stop() {
  local pid dir
  for pid in "${SERVICE_PIDS[@]}"; do
    kill "$pid" 2>/dev/null || continue
    wait "$pid" 2>/dev/null || true
  done
  for dir in "${SERVICE_DIRS[@]}"; do rm -rf "$dir"; done
  SERVICE_PIDS=() SERVICE_DIRS=()
}

# until_ready SECONDS PID COMMAND…: polls until the command succeeds, the process dies, or time is up.
until_ready() {
  local deadline=$((SECONDS + $1)) pid=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$pid" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
}

docker_answers() { timeout 5 docker version >/dev/null 2>&1; }

docker_start() {
  local log=$LOG_DIR/dockerd.log flags
  if docker_answers; then return 0; fi
  if ! have dockerd || [ "$(id -u)" != 0 ]; then return 1; fi
  mkdir -p "$LOG_DIR"
  # A pid file whose process is gone keeps dockerd from starting.
  if [ -f /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then rm -f /var/run/docker.pid; fi
  # The second try is for kernels without the firewall modules: our cells have no network anyway.
  for flags in '' '--iptables=false --ip6tables=false --bridge=none'; do
    # shellcheck disable=SC2086
    dockerd $flags >"$log" 2>&1 </dev/null &
    if until_ready 60 $! docker_answers; then
      SERVICE_PIDS+=($!)
      note "ok    dockerd started"
      return 0
    fi
    kill $! 2>/dev/null && wait $! 2>/dev/null
  done
  tail -n 20 "$log" >&2
  return 1
}

# A cluster of our own in a temporary directory, on a free port of 127.0.0.1, with the database chela_test.
postgres_start() {
  local bin dir port password log=$LOG_DIR/postgres.log
  if [ -n "${CHELA_TEST_POSTGRES:-}" ]; then return 0; fi
  bin=$(dirname "$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)" 2>/dev/null)
  if [ ! -x "$bin/initdb" ]; then return 1; fi
  mkdir -p "$LOG_DIR"
  dir=$(mktemp -d /tmp/chela-pg.XXXXXX) || return 1
  SERVICE_DIRS+=("$dir")
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s\n' "$password" >"$dir/password"
  if [ "$(id -u)" = 0 ]; then chown -R postgres "$dir"; fi
  (postgres_exec "$bin/initdb" -D "$dir/data" -U chela -A scram-sha-256 --pwfile "$dir/password" -E UTF8 \
    --locale C.UTF-8 --no-sync) >"$log" 2>&1 || return 1
  port=$(free_port) || return 1
  postgres_exec "$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -h 127.0.0.1 -c fsync=off >>"$log" 2>&1 </dev/null &
  SERVICE_PIDS+=($!)
  until_ready 30 $! env PGPASSWORD="$password" "$bin/psql" -h 127.0.0.1 -p "$port" -U chela -d postgres -c 'CREATE DATABASE chela_test' ||
    return 1
  export CHELA_TEST_POSTGRES="postgres://chela:$password@127.0.0.1:$port/chela_test"
  note "ok    PostgreSQL started"
}

# PostgreSQL refuses to run as root. Replaces the (sub)shell it is called in, so that the pid we hold is the server's.
postgres_exec() {
  cd / || exit 1
  if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid postgres --regid postgres --init-groups "$@"
  else
    exec "$@"
  fi
}

# A port that nobody listens on, below the range the system hands out by itself.
free_port() {
  local port
  for port in $(shuf -i 15432-25432 -n 50); do
    if ! (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return 0
    fi
  done
  return 1
}
