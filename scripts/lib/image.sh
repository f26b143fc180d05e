# shellcheck shell=bash
# What the image of Chela is built from: the binary, and the libraries that the linker would load for it.

# image_context BINARY DIR
image_context() {
  local binary=$1 dir=$2
  # Readable for the image's user, whatever this one keeps to itself.
  umask 022
  mkdir -p "$dir/rootfs/tmp" "$dir/data" || return 1
  chmod 1777 "$dir/rootfs/tmp"
  image_program "$binary" "$dir/rootfs" /chela || return 1
  cp "$ROOT/docs/ops/deploy/Dockerfile" "$dir/Dockerfile"
}

# image_program BINARY ROOTFS PLACE: a program and its libraries in a file system.
image_program() {
  local binary=$1 root=$2 library
  mkdir -p "$root$(dirname "$3")" && cp -L "$binary" "$root$3" || return 1
  # Lines read `name => /path (address)` or `/path (address)`; the kernel's own has no path.
  for library in $(ldd "$binary" | grep -o '/[^ ]*' | sort -u); do
    mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library" || return 1
  done
}
