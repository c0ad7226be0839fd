#!/usr/bin/env bash
# Records how a release tells the differences of pairs of pod specs, for src/apiserver/registry/go_diff/tests.rs. Pairs come from
# standard input, one JSON object with `old` and `new` a line (a recording will do, too).
#
#   hack/record-differences.sh v1.31.0 backward <pairs >tests/conformance/differences/v1.31.0-backward.jsonl
#   hack/record-differences.sh v1.36.3 <pairs >tests/conformance/differences/v1.36.3.jsonl
#
# go-cmp takes one of two ways, `forward` or `backward`, by the second in which the program starts; here it is told which.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build.sh"

version=$1
way=${2:-}
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
requirements "$version"
cp "$here/go-differences/main.go" .
library=k8s.io/apimachinery/pkg/util/diff
if [ -n "$way" ]; then
  library=github.com/google/go-cmp/cmp
  folder=$(go mod download -json "github.com/google/go-cmp@v0.6.0" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  cp -r "$folder" go-cmp
  chmod -R u+w go-cmp
  sed -i "s/^var randBool = .*/var randBool = \"$way\" == \"forward\"/; /\"math\/rand\"/d; /\"time\"/d" \
    go-cmp/cmp/report_text.go go-cmp/cmp/internal/diff/diff.go
  echo "replace github.com/google/go-cmp => ./go-cmp" >>go.mod
fi
printf 'package main\n\nimport lib "%s"\n\nfunc difference(a, b any) string { return lib.Diff(a, b) }\n' "$library" >diff.go
go mod tidy >&2
go build -mod=mod -o differences . >&2
./differences
