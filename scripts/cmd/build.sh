# shellcheck shell=bash
# ./x build: the whole release binary. The site is built, hashed and compressed first, then embedded.

cmd_build() {
  local binary=$ROOT/target/release/chela features=embed
  while [ $# -gt 0 ]; do
    case "$1" in
    --features)
      [ -n "${2:-}" ] || die "--features wants a name, such as bedrock."
      features=$features,$2
      shift 2
      ;;
    --features=?*)
      features=$features,${1#--features=}
      shift
      ;;
    *) die "./x build takes --features NAME[,NAME] and nothing else, not $1." ;;
    esac
  done
  setup_build
  # The site is shared by both profiles: the next ./x serve must build its own again.
  rm -f "$BUILD_STAMP"
  # hash.txt, which says what each file's hashed name is, is written beside the binary by default; a whole binary
  # must carry it, so it goes into the site.
  LEPTOS_HASH_FILES=true LEPTOS_HASH_FILE_NAME=../site/hash.txt step "release build" \
    cargo leptos build --release --split --precompress --bin-features "$features" || die "The build failed."
  [ -x "$binary" ] || die "The build left no binary at $binary."
  printf '%s\n' "$binary"
}
