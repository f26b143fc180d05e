# shellcheck shell=bash
# ./x serve: builds if something changed, then becomes `chela serve`.

cmd_serve() {
  if ! build_is_fresh; then
    setup_build
    mkdir -p "$ROOT/target"
    build_fast || die "The build failed; its first error stands above."
  fi
  site_env
  exec "$FAST_BIN" serve "$@"
}
