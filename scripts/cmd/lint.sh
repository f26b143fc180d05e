# shellcheck shell=bash
# ./x lint: formatting, clippy for both halves, shell scripts, TypeScript.

cmd_lint() {
  local failed=0
  setup_build
  step "format" cargo_fmt --all --check || failed=1
  step "clippy, server half" cargo clippy --profile fast --all-targets --quiet -- -D warnings || failed=1
  # The same target dir as cargo-leptos, so that dependencies for the browser are checked once.
  step "clippy, browser half" cargo clippy --profile wasm-fast -p frontend --target wasm32-unknown-unknown \
    --target-dir target/front --quiet -- -D warnings -A clippy::needless_pass_by_value -A clippy::type_complexity || failed=1
  step "shell" lint_shell || failed=1
  [ "$failed" = 0 ] || die "Lint found something."
  say "Lint is clean."
}

lint_shell() {
  local file status=0
  for file in x .ci/run scripts/*.sh scripts/lib/*.sh scripts/cmd/*.sh scripts/versions.env; do bash -n "$file" || status=1; done
  if have shellcheck; then
    shellcheck --external-sources x .ci/run scripts/ci-cache.sh scripts/lib/*.sh scripts/cmd/*.sh || status=1
  fi
  return "$status"
}
