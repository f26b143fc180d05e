# shellcheck shell=bash disable=SC2034
# Where things lie. ROOT is set by `x`.

# Tools and caches that outlive a checkout.
CHELA_CACHE=${CHELA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/chela}
# Prebuilt build tools, if someone put them beside the checkout; never needed.
CHELA_PREBUILT=${CHELA_PREBUILT:-$ROOT/../shared/bin}
TOOL_BIN=$CHELA_CACHE/bin
LOG_DIR=$ROOT/target/logs
SITE_DIR=$ROOT/target/site
FAST_BIN=$ROOT/target/fast/chela

mkdir -p "$TOOL_BIN"
# Ours first, then Tailwind and wasm-opt, where cargo-leptos finds them before it would download its own.
PATH=$TOOL_BIN:$ROOT/style/node_modules/.bin:$PATH
for dir in "$HOME/.cargo/bin" /usr/sbin /sbin; do
  case ":$PATH:" in *":$dir:"*) ;; *) PATH=$PATH:$dir ;; esac
done
export PATH

# An exported RUSTFLAGS replaces .cargo/config.toml and rebuilds everything.
unset RUSTFLAGS CARGO_BUILD_RUSTFLAGS
