# shellcheck shell=bash
# Speaking to the person: lines, failures, y/N questions, and steps whose long output goes to a file.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' RESET=$'\e[0m'
else
  BOLD='' DIM='' RED='' RESET=''
fi

say() { printf '%s\n' "${BOLD}$*${RESET}" >&2; }
note() { printf '%s\n' "${DIM}$*${RESET}" >&2; }
warn() { printf '%s\n' "${RED}$*${RESET}" >&2; }
die() {
  warn "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

ASSUME_YES=
assume_yes() { ASSUME_YES=1; }

# May we do what changes the machine? Yes with --yes or in CI, else whoever sits at the terminal decides.
allowed() {
  local question=$1 answer
  if [ "$ASSUME_YES" = 1 ] || [ "${CI:-}" = true ]; then return 0; fi
  if [ ! -t 0 ]; then
    warn "$question — no terminal to ask on: run again with --yes, or do it yourself."
    return 1
  fi
  printf '%s [y/N] ' "$question" >&2
  read -r answer
  case "$answer" in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

# Runs a command as root: as we are, or by sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    warn "This needs root, and there is no sudo: $*"
    return 1
  fi
}

# Runs a named step. On a terminal its output is shown as it comes; otherwise it goes to target/logs/<name>.log,
# and only a failure shows its end, or what TELL, a function that reads the log, has to say of it.
step() {
  local name=$1 began=$SECONDS status=0 log
  shift
  if [ -t 1 ] && [ "${CI:-}" != true ]; then
    say "· $name"
    "$@" || status=$?
    [ "$status" = 0 ] || warn "$name failed (exit $status)"
    return "$status"
  fi
  mkdir -p "$LOG_DIR"
  log="$LOG_DIR/$(printf '%s' "$name" | tr -c 'a-zA-Z0-9\n' '-').log"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then
    note "ok    $name ($((SECONDS - began)) s)"
  else
    warn "FAIL  $name (exit $status, $((SECONDS - began)) s) — of $log:"
    "${TELL:-tell_end}" "$log" >&2
  fi
  return "$status"
}

tell_end() { tail -n 80 "$1"; }

# Can this host be reached within a few seconds? With a proxy we cannot tell, so we try.
reachable() {
  if [ -n "${HTTPS_PROXY:-}${https_proxy:-}${ALL_PROXY:-}" ]; then return 0; fi
  timeout 4 bash -c ": </dev/tcp/$1/443" 2>/dev/null
}
