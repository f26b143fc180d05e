# shellcheck shell=bash
# Building the fast profile, and knowing cheaply whether that is needed.

BUILD_STAMP=$ROOT/target/.built-fast

# What a change in must rebuild. Directories count too: a deleted file shows in its directory's time.
build_is_fresh() {
  local changed
  if [ ! -f "$BUILD_STAMP" ] || [ ! -x "$FAST_BIN" ] || [ ! -d "$SITE_DIR/pkg" ]; then return 1; fi
  changed=$(cd "$ROOT" && find app frontend server entity migration crates plugin style public \
    Cargo.toml Cargo.lock Leptos.toml rust-toolchain.toml .cargo scripts \
    -name node_modules -prune -o -newer "$BUILD_STAMP" -print -quit 2>/dev/null)
  [ -z "$changed" ]
}

build_fast() {
  local began
  began=$(mktemp "$ROOT/target/.building.XXXXXX")
  (cd "$ROOT" && step "build (both halves, profile fast)" cargo leptos build --split) || {
    rm -f "$began"
    return 1
  }
  # The stamp's time is the build's beginning: what was edited meanwhile counts as changed.
  mv -f "$began" "$BUILD_STAMP"
}

# The browser half as it is released, for the test of its size.
build_site_release() {
  (cd "$ROOT" && LEPTOS_SITE_ROOT=target/site-release step "browser half, release" \
    cargo leptos build --release --split --frontend-only)
}

# The server half alone, with the environment cargo-leptos would give it: no second set of artifacts.
site_env() {
  export LEPTOS_OUTPUT_NAME=chela LEPTOS_SITE_ROOT=$SITE_DIR LEPTOS_SITE_PKG_DIR=pkg
}
