# shellcheck shell=bash
# cargo-leptos, wasm-bindgen and cargo-nextest: from PATH, a folder of prebuilt tools, cargo binstall, or crates.io.

# has_version COMMAND VERSION
has_version() {
  have "$1" || return 1
  case " $("$1" --version 2>/dev/null | tr '\n' ' ') " in *" $2 "*) return 0 ;; *) return 1 ;; esac
}

# From the folder beside the checkout, if it has this machine's kind and the very version.
from_prebuilt() {
  local name=$1 version=$2 file
  file=$CHELA_PREBUILT/$name-$(uname -m)-linux.xz
  if [ ! -f "$file" ] || ! have xz; then return 1; fi
  xz -dc "$file" >"$TOOL_BIN/$name.new" && chmod 755 "$TOOL_BIN/$name.new" &&
    has_version "$TOOL_BIN/$name.new" "$version" && mv "$TOOL_BIN/$name.new" "$TOOL_BIN/$name" &&
    note "ok    $name $version (prebuilt)" && return 0
  rm -f "$TOOL_BIN/$name.new"
  return 1
}

from_binstall() {
  local crate=$1 version=$2
  have cargo-binstall && reachable github.com &&
    step "$crate $version (binstall)" timeout 300 cargo binstall --no-confirm --disable-strategies compile \
      --install-path "$TOOL_BIN" "$crate@$version"
}

# ensure_tool COMMAND CRATE VERSION [cargo install flags…]
ensure_tool() {
  local name=$1 crate=$2 version=$3
  shift 3
  if has_version "$name" "$version"; then return 0; fi
  if from_prebuilt "$name" "$version"; then return 0; fi
  if from_binstall "$crate" "$version" && has_version "$name" "$version"; then return 0; fi
  say "Building $crate $version from crates.io (some minutes, once)."
  step "cargo install $crate" cargo install "$crate" --version "$version" --root "$CHELA_CACHE" "$@" ||
    die "Could not install $crate $version."
}

ensure_build_tools() {
  # Its lock file names a crate that was withdrawn: resolve anew.
  ensure_tool wasm-bindgen wasm-bindgen-cli "$WASM_BINDGEN_VERSION"
  ensure_tool cargo-leptos cargo-leptos "$CARGO_LEPTOS_VERSION" --locked --features no_downloads
}

ensure_nextest() {
  if cargo nextest --version >/dev/null 2>&1; then return; fi
  ensure_tool cargo-nextest cargo-nextest "$NEXTEST_VERSION" --locked
}
