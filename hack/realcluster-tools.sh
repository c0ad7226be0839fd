#!/usr/bin/env bash
# Builds the programs of a real cluster (tests/realcluster) out of their Go modules, and prints the directory that holds them.
#
# What is there already stays. It takes minutes, so nothing calls it by itself: the tests that want a real cluster say on one
# line that it is missing. Needs Go; and for the cluster itself, root and what tests/realcluster/README.md lists.
set -eu

version=${1:-v1.31.0}
etcd_version=v3.6.16
dir="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/bin/$version"
programs="kube-apiserver kube-controller-manager kube-scheduler kubelet kubeadm kubectl"

say() { echo "realcluster-tools: $*" >&2; }

missing=()
for program in $programs; do
  [ -x "$dir/$program" ] || missing+=("$program")
done

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$dir" "$work/kubernetes" "$work/etcd" "$work/pause"
command -v go >/dev/null || { say "no Go here"; exit 1; }

# k8s.io/kubernetes requires its staging modules at v0.0.0 and replaces them by folders of its own repository. As a
# dependency those replacements do not count: each points at the release published under its own path instead.
kubernetes() {
  cd "$work/kubernetes"
  local staging="v0.${version#v1.}" minor module program at=k8s.io/component-base/version
  minor=${version#v1.}
  minor=${minor%%.*}
  module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
  {
    echo "module tools"
    sed -n 's/^go /go /p' "$module"
    echo "require k8s.io/kubernetes $version"
    sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) v0\.0\.0\( .*\)\{0,1\}$|replace \1 => \1 $staging|p" "$module" | sort -u
  } >go.mod
  {
    printf '//go:build tools\n\npackage tools\n\nimport (\n'
    for program in "${missing[@]}"; do printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' "$program"; done
    echo ')'
  } >tools.go
  go mod tidy
  for program in "${missing[@]}"; do
    say "building $program"
    CGO_ENABLED=0 go build -mod=mod -o "$program" -ldflags \
      "-s -w -X $at.gitVersion=$version -X $at.gitMajor=1 -X $at.gitMinor=$minor" "k8s.io/kubernetes/cmd/$program"
    mv "$program" "$dir/$program"
  done
}

etcd() {
  cd "$work/etcd"
  go mod init tools
  go get "go.etcd.io/etcd/server/v3@$etcd_version"
  CGO_ENABLED=0 go build -o etcd -ldflags "-s -w" go.etcd.io/etcd/server/v3
  mv etcd "$dir/etcd"
}

# The program that holds a pod's namespaces: it waits, and reaps what its pod leaves behind.
pause() {
  cd "$work/pause"
  cat >pause.go <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for got := range signals {
		if got != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
GO
  CGO_ENABLED=0 go build -o pause -ldflags "-s -w" pause.go
  mv pause "$dir/pause"
}

[ "${#missing[@]}" = 0 ] || (kubernetes) >&2
[ -x "$dir/etcd" ] || (etcd) >&2
[ -x "$dir/pause" ] || (pause) >&2
echo "$dir"
