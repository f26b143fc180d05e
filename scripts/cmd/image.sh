# shellcheck shell=bash
# ./x image: the whole binary as a container image, from nothing but itself. No registry is asked.

cmd_image() {
  local name=${1:-chela:local} context
  cmd_build >/dev/null
  context=$(mktemp -d)
  SERVICE_DIRS+=("$context")
  trap services_stop EXIT
  image_context "$ROOT/target/release/chela" "$context" || die "The image's files could not be laid out."
  DOCKER_BUILDKIT=0 step "image $name" docker build --tag "$name" "$context" || die "The engine did not build the image."
  printf '%s\n' "$name"
}
