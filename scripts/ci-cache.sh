# shellcheck shell=bash
# A target dir that outlives the clone, so that a machine which has built before builds only what changed.
#
# cargo decides by file times, and a fresh clone's are all new. So we remember, per path, the content it had and the
# time it then got: a file whose content is the remembered one gets its old time back, any other keeps its new one.
# In another place nothing is remembered: tests carry the path of the checkout that they were compiled in.

CI_TARGET=${CHELA_CI_TARGET:-${HOME:-/root}/.cache/chela/target}
# Beyond this the cache is thrown away: dependencies of long ago lie in it.
CI_TARGET_MAX_MIB=20000

ci_cache() {
  if [ -e target ] && [ ! -L target ]; then return 0; fi # somebody's own checkout: leave it alone
  mkdir -p "$CI_TARGET"
  if [ "$(du -sm "$CI_TARGET" | cut -f1)" -gt "$CI_TARGET_MAX_MIB" ]; then rm -rf "${CI_TARGET:?}"/*; fi
  ln -sfn "$CI_TARGET" target
  if [ "$(cat "$CI_TARGET/.checkout" 2>/dev/null)" != "$PWD" ]; then rm -f "$CI_TARGET/.content-times"; fi
  printf '%s\n' "$PWD" >"$CI_TARGET/.checkout"
  ci_restore_times "$CI_TARGET/.content-times"
}

# ci_restore_times FILE: lines of `blob <tab> epoch <tab> path`
ci_restore_times() {
  local book=$1 now
  now=$(date +%s)
  touch "$book"
  git ls-files -s | awk -v now="$now" -v book="$book" -F '\t' '
    BEGIN { while ((getline line < book) > 0) { split(line, f, "\t"); time[f[1] "\t" f[3]] = f[2] } }
    { split($1, meta, " "); key = meta[2] "\t" $2; t = (key in time) ? time[key] : now
      print meta[2] "\t" t "\t" $2 }' >"$book.new"
  while IFS=$'\t' read -r _ time path; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then touch -d "@$time" -- "$path"; fi
  done <"$book.new"
  mv "$book.new" "$book"
}
