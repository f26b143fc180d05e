# shellcheck shell=bash
# What the image of Chela is built from: the binary, and the libraries that the linker would load for it.

# image_context BINARY DIR
image_context() {
  local binary=$1 dir=$2 library
  # Readable for the image's user, whatever this one keeps to itself.
  umask 022
  mkdir -p "$dir/rootfs/tmp" "$dir/data" || return 1
  chmod 1777 "$dir/rootfs/tmp"
  cp "$binary" "$dir/rootfs/chela" || return 1
  # Lines read `name => /path (address)` or `/path (address)`; the kernel's own has no path.
  for library in $(ldd "$binary" | grep -o '/[^ ]*' | sort -u); do
    mkdir -p "$dir/rootfs$(dirname "$library")" && cp -L "$library" "$dir/rootfs$library" || return 1
  done
  cp "$ROOT/docs/ops/deploy/Dockerfile" "$dir/Dockerfile"
}
