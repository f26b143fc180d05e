# shellcheck shell=bash
# ./x build: the whole release binary. The site is built, hashed and compressed first, then embedded.

cmd_build() {
  local binary=$ROOT/target/release/chela
  setup_build
  # The site is shared by both profiles: the next ./x serve must build its own again.
  rm -f "$BUILD_STAMP"
  # hash.txt, which says what each file's hashed name is, is written beside the binary by default; a whole binary
  # must carry it, so it goes into the site.
  LEPTOS_HASH_FILES=true LEPTOS_HASH_FILE_NAME=../site/hash.txt step "release build" \
    cargo leptos build --release --split --precompress --bin-features embed || die "The build failed."
  [ -x "$binary" ] || die "The build left no binary at $binary."
  printf '%s\n' "$binary"
}
