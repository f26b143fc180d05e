# shellcheck shell=bash
# ./x test: Rust tests, then browser tests. The last line is `N passed, N failed`.

cmd_test() {
  local passed=0 failed=0
  RUST_FLAKY=0 E2E_FLAKY=0
  load cmd/e2e
  setup_build
  setup_tests
  services_start
  if build_for_tests; then
    build_site_release || failed=1
    rust_tests
    e2e_run || true
    e2e_counts
    passed=$((RUST_PASSED + E2E_PASSED)) failed=$((failed + RUST_FAILED + E2E_FAILED))
    note "Rust: $RUST_PASSED passed, $RUST_FAILED failed. Browser: $E2E_PASSED passed, $E2E_FAILED failed."
  else
    failed=1
  fi
  if [ $((RUST_FLAKY + E2E_FLAKY)) -gt 0 ]; then
    warn "Passed the second time only, and have a fault to be found: $RUST_FLAKY Rust tests, $E2E_FLAKY in the browser."
  fi
  # Before the last line: what stopping says must not come after it.
  services_stop
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

# Runs nextest and reads its summary into RUST_PASSED, RUST_FAILED and RUST_FLAKY (failed, then passed); a run without one
# (a crate that does not compile) is one failure.
rust_tests() {
  local summary=$ROOT/target/logs/nextest.txt status=0
  mkdir -p "$LOG_DIR"
  RUST_PASSED=0 RUST_FAILED=1 RUST_FLAKY=0
  TELL=rust_failures step "Rust tests" nextest_run "$summary" || status=$?
  read -r RUST_PASSED RUST_FAILED RUST_FLAKY < <(sed 's/\x1b\[[0-9;]*m//g' "$summary" | awk '
    /Summary \[/ { passed = failed = flaky = 0
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed = $(i - 1)
        if ($i ~ /^failed/ || $i ~ /^timed/) failed += $(i - 1)
        if ($i ~ /^flaky/) { flaky = $(i - 1); sub(/^\(/, "", flaky) }
      }
      seen = 1 }
    END { if (seen) print passed, failed, flaky; else print 0, 1, 0 }')
  if [ "$status" != 0 ] && [ "$RUST_FAILED" = 0 ]; then RUST_FAILED=1; fi
  if [ "$RUST_FLAKY" != 0 ]; then rust_flaky "$summary" >&2; fi
}

# What passed only the second time, and the words of its first.
rust_flaky() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    { line = substr($0, 1, 300) }
    /Summary \[/ { ended = 1; left = 0 }
    ended && /^ *FLAKY / { print line }
    /^ *TRY [0-9] [A-Z]/ { left = 0; first = !ended && $2 == 1; if (first) print line }
    first && /panicked at |^ *Error: / { left = 5 }
    left > 0 { left--; print line }'
}

# Which tests failed, and of what, in few lines: what a failing test printed is long.
rust_failures() {
  local told
  told=$(sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    { line = substr($0, 1, 300) }
    /^error/ { left = 12; print line; next }
    /Summary \[/ { ended = 1; left = 0; print line; next }
    ended && /^ *(TRY [0-9] )?(FAIL|LEAK-FAIL|TIMEOUT|SIG[A-Z]+|ABORT) / { left = 0; print line; next }
    ended && /panicked at |^ *Error: / { left = 10; print line; next }
    left > 0 { left--; print line }')
  if [ -n "$told" ]; then printf '%s\n' "$told"; else tell_end "$1"; fi
}

# A trace of calls says nothing that the place of the panic does not, and drowns it.
nextest_run() {
  RUST_BACKTRACE=${CHELA_TEST_BACKTRACE:-0} cargo nextest run --profile "$([ "${CI:-}" = true ] && echo ci || echo default)" \
    --cargo-profile fast --no-fail-fast --color never 2>&1 | tee "$1"
}
