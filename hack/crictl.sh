#!/usr/bin/env bash
# Asks the real crictl of each release anew for what tests/conformance/crictl has of it, and shows what differs.
#
#   hack/crictl.sh PROGRAM      PROGRAM is cks-lab
#
# crictl and the runtime that answers it (tests/crictl) are built once into a cache outside the checkout. What cannot be built here
# (no Go, no network, a release that is not to be had) is said on one line, and is no failure.
set -u
cd "$(dirname "$0")/.."
. hack/build.sh
cache="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab"
program=${1:?which cks-lab?}

say() { echo "crictl: $*" >&2; }

# crictl DIR VERSION: builds crictl into DIR; the working directory is scratch.
crictl() {
  printf 'module tools\n' >go.mod
  go get "sigs.k8s.io/cri-tools/cmd/crictl@$2" || return 1
  CGO_ENABLED=0 go build -mod=mod -o crictl -ldflags "-s -w -X sigs.k8s.io/cri-tools/pkg/version.Version=$2" \
    sigs.k8s.io/cri-tools/cmd/crictl || return 1
  put crictl "$1"
}

main() {
  local row release kubernetes version work differs=0 runtime="$cache/crictl/runtime"
  command -v go >/dev/null || { say "no Go here: nothing is compared"; return 0; }
  command -v python3 >/dev/null || { say "no Python here: nothing is compared"; return 0; }
  work=$(mktemp -d) || return 1
  mkdir -p "$cache/crictl"
  if ! (cd tests/crictl && CGO_ENABLED=0 go build -o "$runtime" .) >"$work/log" 2>&1; then
    say "tests/crictl could not be built ($(tail -n 1 "$work/log")): nothing is compared"
    return 0
  fi
  for row in "1.31 v1.31.0 v1.31.1" "1.36 v1.36.3 v1.36.0"; do
    read -r release kubernetes version <<<"$row"
    mkdir -p "$work/$release"
    if [ ! -x "$cache/bin/$kubernetes/crictl" ] &&
      ! (cd "$work/$release" && crictl "$cache/bin/$kubernetes" "$version") >"$work/log" 2>&1; then
      say "crictl $version could not be built ($(tail -n 1 "$work/log")): it is not compared"
      continue
    fi
    if ! python3 hack/record-crictl.py "$release" "$cache/bin/$kubernetes/crictl" "$runtime" "$program" "$work/$release.txt" ||
      ! diff -u "tests/conformance/crictl/crictl-$release.txt" "$work/$release.txt"; then
      differs=1
    else
      say "crictl $version says what is recorded"
    fi
  done
  chmod -R u+w "$work"
  rm -rf "$work"
  return $differs
}

main
