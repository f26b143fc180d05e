# shellcheck shell=bash
# `docker compose`, for the test that starts Chela as compose.yaml says. Sets CHELA_TEST_COMPOSE.

COMPOSE_DIR=$CHELA_CACHE/compose

compose_works() { "$@" version --short 2>/dev/null | grep -q '^v\?[2-9]'; }

ensure_compose() {
  local found
  if have docker && compose_works docker compose; then
    export CHELA_TEST_COMPOSE="docker compose"
    return 0
  fi
  found=$(compose_unpacked)
  if [ -z "$found" ] || ! compose_works "$found"; then
    rm -rf "$COMPOSE_DIR"
    compose_from_stable || return 1
    found=$(compose_unpacked)
  fi
  [ -n "$found" ] && compose_works "$found" && export CHELA_TEST_COMPOSE=$found
}

compose_unpacked() { find "$COMPOSE_DIR/root" -name docker-compose -type f -perm -u+x 2>/dev/null | head -n 1; }

# Older Debians have the old program under this name. The package of a later one is a single static file: it is unpacked
# beside our other tools, and the system keeps its own sources.
compose_from_stable() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg dir=$COMPOSE_DIR apt
  have apt-get && have dpkg-deb && [ -f "$keys" ] || return 1
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/root" || return 1
  printf 'deb [signed-by=%s] http://deb.debian.org/debian %s main\n' "$keys" "$COMPOSE_DEBIAN" >"$dir/sources.list"
  apt="-o Dir::Etc::SourceList=$dir/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$dir/lists
    -o Dir::Cache=$dir/cache -o APT::Sandbox::User=$(id -un) -o Acquire::Languages=none"
  # shellcheck disable=SC2086 # a list of options
  (cd "$dir" && step "fetch docker compose" apt-get $apt update &&
    step "unpack docker compose" sh -c "apt-get $(printf '%s ' $apt) download docker-compose && dpkg-deb -x docker-compose_*.deb root") ||
    return 1
  rm -rf "$dir/lists" "$dir/cache" "$dir"/*.deb
}
