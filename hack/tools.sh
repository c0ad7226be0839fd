#!/usr/bin/env bash
# Builds the real programs that the tests compare with, out of their Go modules, into a cache outside the checkout, and
# prints the directory of the default release's.
#
# Nothing is built when it is there already or when this machine has no Go. The tests that need a real program skip
# themselves without it, so whatever goes wrong here costs one line on stderr and no more.
set -u

cache="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/bin"

# What is built: the release whose directory it goes to, and the programs of that release.
releases=(
  "v1.31.0 kubectl kube-apiserver"
  "v1.36.3 kubectl kube-apiserver"
)
# The etcd that stands beside each of them.
etcd=v3.6.16

say() { echo "tools: $*" >&2; }

# kubernetes DIR VERSION PROGRAM...: builds programs of k8s.io/kubernetes into DIR; the working directory is scratch.
kubernetes() {
  local dir=$1 version=$2 minor module program at=k8s.io/component-base/version
  shift 2
  minor=${version#v1.}
  minor=${minor%%.*}
  # k8s.io/kubernetes requires its staging modules at v0.0.0 and replaces them by folders of its own repository.
  # As a dependency those replacements do not count: point each of them at the release published under its own path.
  module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
  [ -n "$module" ] || return 1
  {
    echo "module tools"
    sed -n 's/^go /go /p' "$module"
    echo "require k8s.io/kubernetes $version"
    sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) v0\.0\.0\( .*\)\{0,1\}$|replace \1 => \1 v0.${version#v1.}|p" "$module" | sort -u
  } >go.mod
  {
    printf '//go:build tools\n\npackage tools\n\nimport (\n'
    printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' "$@"
    printf ')\n'
  } >tools.go
  go mod tidy || return 1
  for program in "$@"; do
    CGO_ENABLED=0 go build -mod=mod -o "$program" -ldflags \
      "-s -w -X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=$minor" "k8s.io/kubernetes/cmd/$program" || return 1
    put "$program" "$dir" || return 1
  done
}

# etcd DIR VERSION: builds etcd into DIR; the working directory is scratch.
etcd() {
  printf 'module tools\n' >go.mod
  go get "go.etcd.io/etcd/server/v3@$2" || return 1
  CGO_ENABLED=0 go build -mod=mod -o etcd -ldflags "-s -w" go.etcd.io/etcd/server/v3 || return 1
  put etcd "$1"
}

# put FILE DIR: moves a program to its place, whole or not at all.
put() {
  mkdir -p "$2" && mv "$1" "$2/.$1.$$" && mv "$2/.$1.$$" "$2/$1"
}

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
