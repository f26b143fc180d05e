# shellcheck shell=bash
# ./x setup [--tests]: what a build needs, and with --tests what the tests need on top.

cmd_setup() {
  local tests=no
  while [ $# -gt 0 ]; do
    case "$1" in
    --tests) tests=yes ;;
    *) die "./x setup knows --tests and --yes, not $1." ;;
    esac
    shift
  done
  setup_build
  if [ "$tests" = yes ]; then setup_tests; fi
  say "Ready."
}

setup_build() {
  have cc || apt_install "compiling" gcc libc6-dev || die "A C compiler is missing: install gcc."
  if ! have rustc && ! have apt-get; then die "Rust is missing: install it from https://rustup.rs and run this again."; fi
  ensure_rust
  ensure_build_tools
  ensure_style
}

setup_tests() {
  local chromium=${CHELA_CHROMIUM:-}
  ensure_nextest
  if [ -z "$chromium" ] && ! have chromium; then
    apt_install "browser tests" chromium || die "Chromium is missing: install it, or set CHELA_CHROMIUM to one."
  fi
  if ! have docker || ! docker_answers && ! have dockerd; then
    apt_install "tests with containers" docker.io iptables || warn "Without Docker, tests with containers will fail."
  fi
  ensure_compose || warn "Without docker compose 2, the test that runs compose.yaml is left out."
  if ! compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
    apt_install "tests against PostgreSQL" postgresql || warn "Without PostgreSQL, tests against it are left out."
  fi
  if ! have nginx || ! have caddy; then
    apt_install "tests behind proxies" nginx-light caddy || warn "Without nginx and Caddy, tests behind them are left out."
  fi
  npm_tree "$ROOT/end2end" || die "Could not install the browser tests' npm packages (end2end/)."
  ensure_openclaw || warn "OpenClaw could not be installed: tests with a real gateway will fail."
}
