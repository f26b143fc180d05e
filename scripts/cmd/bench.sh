# shellcheck shell=bash
# ./x bench [name [arguments]]: runs bench/run-NAME; without a name, all of them.

cmd_bench() {
  local name file status=0
  setup_build
  site_env
  if [ $# -gt 0 ]; then
    name=$1
    shift
    [ -x "$ROOT/bench/run-$name" ] || die "There is no bench '$name'. There are: $(bench_names)"
    exec "$ROOT/bench/run-$name" "$@"
  fi
  for name in $(bench_names); do
    file=$ROOT/bench/run-$name
    say "· $name"
    "$file" || status=1
  done
  return "$status"
}

bench_names() {
  local file
  for file in "$ROOT"/bench/run-*; do
    if [ -x "$file" ]; then printf '%s ' "${file##*/run-}"; fi
  done
}
