# shellcheck shell=bash
# The Node and OpenClaw that bots run, installed once per machine from the same lock files that Chela carries, so
# that tests with a real gateway need not install them into every data dir.

# Process bots run under uids of their own, which cannot reach into root's home.
if [ "$(id -u)" = 0 ]; then BOT_TOOLS=/var/cache/chela/tools; else BOT_TOOLS=$CHELA_CACHE/tools; fi

# tool_tree NAME: plugin/NAME's lock file installed to BOT_TOOLS/NAME.
tool_tree() {
  local from=$ROOT/plugin/$1 to=$BOT_TOOLS/$1 file
  [ -f "$from/package-lock.json" ] || {
    warn "plugin/$1 has no package-lock.json"
    return 1
  }
  (umask 022 && mkdir -p "$to") || return 1
  for file in package.json package-lock.json .npmrc; do
    if [ -f "$from/$file" ]; then cp "$from/$file" "$to/$file"; fi
  done
  (umask 022 && npm_tree "$to")
}

# Sets CHELA_TEST_TOOLS, CHELA_TEST_NODE and CHELA_TEST_OPENCLAW.
ensure_openclaw() {
  local node
  tool_tree node || return 1
  node=$(find "$BOT_TOOLS/node/node_modules" -path '*/bin/node' -type f | head -n 1)
  [ -x "$node" ] || {
    warn "No node binary in $BOT_TOOLS/node"
    return 1
  }
  # OpenClaw's preinstall looks for the Node it needs on PATH.
  (PATH="$(dirname "$node"):$PATH" tool_tree openclaw) || return 1
  export CHELA_TEST_TOOLS=$BOT_TOOLS CHELA_TEST_NODE=$node
  export CHELA_TEST_OPENCLAW=$BOT_TOOLS/openclaw/node_modules/openclaw/openclaw.mjs
  [ -f "$CHELA_TEST_OPENCLAW" ]
}
