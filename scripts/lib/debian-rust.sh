# shellcheck shell=bash
# Rust on a Debian machine that reaches Debian and crates.io only: rustc-web from the security suite, std for
# wasm32 built from its source, lld as rust-lld, linked into rustup where there is one.

DEBIAN_RUST_PACKAGES="rustc-web cargo-web rust-web-src libstd-rust-web-dev rust-web-clippy lld-22 gcc libc6-dev"

debian_rust() {
  # shellcheck disable=SC2086
  apt_install "Rust $RUST_VERSION" $DEBIAN_RUST_PACKAGES || return 1
  case "$(/usr/bin/rustc --version 2>/dev/null)" in
  "rustc $RUST_VERSION."*) ;;
  *)
    warn "Debian's rustc here is not $RUST_VERSION."
    return 1
    ;;
  esac
  debian_linkers || return 1
  debian_wasm_std || return 1
  if have rustup; then rustup toolchain link "$LINKED_TOOLCHAIN" /usr; fi
}

# rustc asks for rust-lld to link wasm; .cargo/config.toml asks gcc for ld.lld.
debian_linkers() {
  local bin=/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin
  if [ ! -e "$bin/rust-lld" ]; then
    as_root mkdir -p "$bin" && as_root ln -sf /usr/bin/lld-22 "$bin/rust-lld" || return 1
  fi
  have ld.lld || ln -sf /usr/bin/ld.lld-22 "$TOOL_BIN/ld.lld"
}

# Builds std for wasm32 once per rustc (about a minute) and puts it where rustc looks.
debian_wasm_std() {
  local target=wasm32-unknown-unknown lib work
  lib=/usr/lib/rustlib/$target/lib
  if compgen -G "$lib/libstd-*.rlib" >/dev/null; then return 0; fi
  work=$(mktemp -d) || return 1
  mkdir "$work/src"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[profile.release]\npanic = "abort"\n' >"$work/Cargo.toml"
  : >"$work/src/lib.rs"
  step "std for wasm32" wasm_std_build "$work" "$target" || return 1
  find "$work/target/$target/release/deps" -name '*.rlib' ! -name 'libempty-*' >"$work/rlibs"
  as_root mkdir -p "$lib" || return 1
  xargs -a "$work/rlibs" cp -t "$work/src" || return 1
  as_root cp "$work"/src/*.rlib "$lib/" || return 1
  rm -rf "$work"
}

wasm_std_build() {
  cd "$1" && RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_DIR="$1/target" \
    /usr/bin/cargo build --release -Zbuild-std=std,panic_abort --target "$2"
}
