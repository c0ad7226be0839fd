#!/usr/bin/env bash
# Builds the programs of a real cluster (tests/realcluster) out of their Go modules, and prints the directory that holds them.
#
# What is there already stays. It takes minutes, so nothing calls it by itself: the tests that want a real cluster say on one
# line that it is missing. Needs Go; and for the cluster itself, root and what tests/realcluster/README.md lists.
set -eu
. "$(dirname "$0")/build.sh"

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

if [ "${#missing[@]}" != 0 ]; then
  say "building ${missing[*]}"
  (cd "$work/kubernetes" && kubernetes "$dir" "$version" "${missing[@]}") >&2
fi
[ -x "$dir/etcd" ] || (cd "$work/etcd" && etcd "$dir" "$etcd_version") >&2
[ -x "$dir/pause" ] || (pause) >&2
echo "$dir"
