# shellcheck shell=bash
# ./x e2e [Playwright arguments]: the browser tests against the built binary.

cmd_e2e() {
  setup_build
  setup_tests
  services_start
  build_for_tests || die "The build failed."
  e2e_run "$@"
  e2e_counts
  printf '%s passed, %s failed\n' "$E2E_PASSED" "$E2E_FAILED"
  [ "$E2E_FAILED" = 0 ] && [ "$E2E_PASSED" -gt 0 ]
}

# The site and the two programs that the browser tests start.
build_for_tests() {
  mkdir -p "$ROOT/target"
  if [ "${CI:-}" = true ] || ! build_is_fresh; then build_fast || return 1; fi
  step "build the stand-ins" cargo build --profile fast -p testkit --bins || return 1
  build_whole
}

# The same program with the site inside it, for the test that copies it alone into an empty directory.
build_whole() {
  local to=$ROOT/target/whole
  mkdir -p "$to"
  step "build with the site embedded" cargo build --profile fast -p server --bin chela --features embed || return 1
  cp -f "$FAST_BIN" "$to/chela"
  step "and without it again" cargo build --profile fast -p server --bin chela || return 1
  export CHELA_TEST_WHOLE_BINARY=$to/chela
}

E2E_REPORT=$ROOT/end2end/test-results/report.json

e2e_run() {
  rm -f "$E2E_REPORT"
  site_env
  export CHELA_TEST_BIN=$FAST_BIN CHELA_TEST_REPORT=$E2E_REPORT
  export CHELA_TEST_FAKE_VENDOR=$ROOT/target/fast/fake-vendor CHELA_TEST_GATEWAY=$ROOT/target/fast/fake-gateway
  (cd "$ROOT/end2end" && step "browser tests" npx --no-install playwright test "$@")
}

# Reads the JSON report into E2E_PASSED, E2E_FAILED and E2E_FLAKY (failed, then passed); no report is one failure.
e2e_counts() {
  E2E_PASSED=0 E2E_FAILED=1 E2E_FLAKY=0
  [ -f "$E2E_REPORT" ] || return 0
  e2e_failures
  read -r E2E_PASSED E2E_FAILED E2E_FLAKY < <(node -e '
    const { stats, errors } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(stats.expected + stats.flaky, stats.unexpected + (errors ?? []).length, stats.flaky);
  ' "$E2E_REPORT")
}

# Which tests failed, at least the first time, and of what, in few lines: the end of the long log is often the server's own.
e2e_failures() {
  node -e '
    const { suites, errors } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    const told = ({ message }) => (message ?? "").replace(/\x1b\[[0-9;]*m/g, "").split("\n").slice(0, 12).join("\n    ");
    const walk = ({ suites = [], specs = [] }) => {
      for (const { file, line, title, tests } of specs)
        for (const { status, results } of tests.filter(({ status }) => status === "unexpected" || status === "flaky"))
          for (const { errors, duration } of [...results.slice(-1), ...results.filter(({ errors }) => errors.length)].slice(-1))
            console.error(`${status === "flaky" ? "FLAKY" : "FAIL "} ${file}:${line} ${title} (${duration} ms)\n    ${errors.map(told).join("\n    ")}`);
      suites.forEach(walk);
    };
    for (const error of errors ?? []) console.error(`FAIL  ${told(error)}`);
    suites.forEach(walk);
  ' "$E2E_REPORT"
}
