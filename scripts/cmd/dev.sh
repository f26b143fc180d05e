# shellcheck shell=bash
# ./x dev: rebuild and reload as files change. Always with --split: a lazy page built without it never hydrates.

cmd_dev() {
  setup_build
  exec cargo leptos watch --split -- serve "$@"
}
