#!/usr/bin/env bash
# Builds the real programs that the tests compare with, out of their Go modules, into a cache outside the checkout, and
# prints the directory of the default release's.
#
# Nothing is built when it is there already or when this machine has no Go. The tests that need a real program skip
# themselves without it, so whatever goes wrong here costs one line on stderr and no more.
set -u
. "$(dirname "$0")/build.sh"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/bin"

# What is built: the release whose directory it goes to, and the programs of that release.
releases=(
  "v1.31.0 kubectl kube-apiserver"
  "v1.36.3 kubectl kube-apiserver"
)
# The etcd that stands beside each of them.
etcd=v3.6.16

say() { echo "tools: $*" >&2; }

# in_scratch WHAT FUNCTION...: runs a build in a directory of its own.
in_scratch() {
  local what=$1 work status=0
  shift
  say "building $what"
  work=$(mktemp -d) || return 1
  if ! (cd "$work" && "$@") >"$work/log" 2>&1; then
    say "$what could not be built ($(tail -n 1 "$work/log")): the tests run without it"
    status=1
  fi
  chmod -R u+w "$work"
  rm -rf "$work"
  return $status
}

main() {
  local row version program dir missing first="" has_go=yes
  command -v go >/dev/null || has_go=
  for row in "${releases[@]}"; do
    read -r version row <<<"$row"
    dir="$cache/$version"
    [ -n "$first" ] || first=$dir
    missing=()
    for program in $row; do
      [ -x "$dir/$program" ] || missing+=("$program")
    done
    if [ -z "$has_go" ]; then
      [ ${#missing[@]} -eq 0 ] && [ -x "$dir/etcd" ] || say "no Go here: the tests run without ${missing[*]} $version"
      continue
    fi
    [ ${#missing[@]} -eq 0 ] || in_scratch "${missing[*]} $version" kubernetes "$dir" "$version" "${missing[@]}"
    [ -x "$dir/etcd" ] || in_scratch "etcd $etcd" etcd "$dir" "$etcd"
  done
  [ ! -d "$first" ] || echo "$first"
}

main
exit 0
