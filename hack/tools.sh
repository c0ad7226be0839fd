#!/usr/bin/env bash
# Builds the stock kubectl that the tests compare with, out of its Go module, and prints the directory that holds it.
#
# Nothing is built when it is there already or when this machine has no Go. The tests that need a stock kubectl
# skip themselves without one, so whatever goes wrong here costs one line on stderr and no more.
set -u

version=v1.31.0
dir="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/bin/$version"

say() { echo "tools: $*" >&2; }

build() {
  local work=$1 staging="v0.${version#v1.}" minor module
  minor=${version#v1.}
  minor=${minor%%.*}
  cd "$work" || return 1
  # k8s.io/kubernetes requires its staging modules at v0.0.0 and replaces them by folders of its own repository.
  # As a dependency those replacements do not count: point each of them at the release published under its own path.
  module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
  [ -n "$module" ] || return 1
  {
    echo "module tools"
    sed -n 's/^go /go /p' "$module"
    echo "require k8s.io/kubernetes $version"
    sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) v0\.0\.0\( .*\)\{0,1\}$|replace \1 => \1 $staging|p" "$module" | sort -u
  } >go.mod
  printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubernetes/cmd/kubectl"\n' >tools.go
  go mod tidy || return 1
  local at=k8s.io/component-base/version
  CGO_ENABLED=0 go build -mod=mod -o kubectl -ldflags \
    "-s -w -X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=$minor" k8s.io/kubernetes/cmd/kubectl || return 1
  mkdir -p "$dir" && mv kubectl "$dir/kubectl"
}

main() {
  if [ -x "$dir/kubectl" ]; then
    echo "$dir"
    return
  fi
  if ! command -v go >/dev/null; then
    say "no Go here: the tests run without a stock kubectl"
    return
  fi
  local work
  work=$(mktemp -d) || return
  if (build "$work") >"$work/log" 2>&1; then
    echo "$dir"
  else
    say "kubectl $version could not be built ($(tail -n 1 "$work/log")): the tests run without it"
  fi
  chmod -R u+w "$work"
  rm -rf "$work"
}

main
exit 0
