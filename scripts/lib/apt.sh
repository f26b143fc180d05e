# shellcheck shell=bash
# Debian packages: what is missing is named, asked for once, and installed.

apt_missing() {
  local pkg
  for pkg in "$@"; do
    case "$(dpkg-query -W -f '${db:Status-Status}' "$pkg" 2>/dev/null)" in installed) ;; *) printf '%s ' "$pkg" ;; esac
  done
}

# apt_install WHY PACKAGE…
apt_install() {
  local why=$1 missing
  shift
  if ! have apt-get; then
    warn "$why: please install $* with your system's package manager."
    return 1
  fi
  missing=$(apt_missing "$@")
  [ -n "$missing" ] || return 0
  say "Missing for $why: $missing"
  allowed "Install them with apt?" || return 1
  # shellcheck disable=SC2086 # a list of package names
  if ! apt_cached $missing; then
    step "apt update" as_root env DEBIAN_FRONTEND=noninteractive apt-get update || true
  fi
  # shellcheck disable=SC2086
  step "apt install ${missing% }" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $missing ||
    { # Lists grow old: a version they name may be gone.
      as_root apt-get update >/dev/null 2>&1 || true
      # shellcheck disable=SC2086
      step "apt install ${missing% } again" as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing
    }
}

# Does apt know every one of these packages?
apt_cached() {
  local pkg
  for pkg in "$@"; do
    case "$(apt-cache policy "$pkg" 2>/dev/null)" in *"Candidate: (none)"* | '') return 1 ;; esac
  done
}
