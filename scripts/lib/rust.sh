# shellcheck shell=bash
# The Rust toolchain: the pinned version with std for wasm32, chosen and if need be installed.
# Sets and exports RUSTUP_TOOLCHAIN (where rustup is used).

# Name of the toolchain that debian_rust links.
LINKED_TOOLCHAIN=chela

# Is this rustup toolchain (empty: whatever `rustc` is) the pinned version, with the wasm half?
toolchain_ready() {
  local version sysroot
  version=$(RUSTUP_AUTO_INSTALL=0 env ${1:+RUSTUP_TOOLCHAIN="$1"} rustc --version 2>/dev/null) || return 1
  case "$version" in "rustc $RUST_VERSION."*) ;; *) return 1 ;; esac
  sysroot=$(RUSTUP_AUTO_INSTALL=0 env ${1:+RUSTUP_TOOLCHAIN="$1"} rustc --print sysroot 2>/dev/null) || return 1
  compgen -G "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib/libstd-*.rlib" >/dev/null
}

# The first toolchain that will do.
pick_toolchain() {
  local candidate
  have rustc || return 1
  for candidate in "${RUSTUP_TOOLCHAIN:-}" "$RUST_VERSION" "$LINKED_TOOLCHAIN"; do
    if [ -n "$candidate" ] && toolchain_ready "$candidate"; then
      export RUSTUP_TOOLCHAIN=$candidate
      return 0
    fi
  done
  if ! have rustup && toolchain_ready ''; then return 0; fi
  return 1
}

ensure_rust() {
  if pick_toolchain; then
    ensure_lld
    return
  fi
  say "Rust $RUST_VERSION with the wasm32 target is missing."
  if have rustup && reachable static.rust-lang.org &&
    step "rustup: Rust $RUST_VERSION" timeout 900 env RUSTUP_MAX_RETRIES=1 \
      rustup toolchain install "$RUST_VERSION" --profile minimal --no-self-update \
      --component rustfmt,clippy --target wasm32-unknown-unknown && pick_toolchain; then
    ensure_lld
    return
  fi
  note "rustup has no way to its server: taking Debian's rustc and building std for wasm32 from its source."
  if debian_rust && pick_toolchain; then
    ensure_lld
    return
  fi
  die "Could not set up Rust $RUST_VERSION with the target wasm32-unknown-unknown; rustup toolchain install $RUST_VERSION --target wasm32-unknown-unknown would do."
}

# .cargo/config.toml links with lld (a third of GNU ld's time): `ld.lld` must be on PATH.
ensure_lld() {
  local candidate sysroot
  if have ld.lld; then return; fi
  sysroot=$(rustc --print sysroot)
  for candidate in "$sysroot"/lib/rustlib/*/bin/gcc-ld/ld.lld /usr/bin/ld.lld-*; do
    if [ -x "$candidate" ]; then
      ln -sf "$candidate" "$TOOL_BIN/ld.lld"
      return
    fi
  done
  apt_install "linking" lld || die "ld.lld is missing: install the package lld."
}

# A rustfmt, from this toolchain or another one of rustup's; prints the words to call `cargo fmt` with.
cargo_fmt() {
  local toolchain
  if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt "$@"
    return
  fi
  if have rustup; then
    for toolchain in $(rustup toolchain list | awk '{print $1}'); do
      if RUSTUP_TOOLCHAIN=$toolchain cargo fmt --version >/dev/null 2>&1; then
        RUSTUP_TOOLCHAIN=$toolchain cargo fmt "$@"
        return
      fi
    done
  fi
  warn "No rustfmt here: formatting was not checked."
}
