#!/usr/bin/env bash
# Derives assets/go-types-RELEASE.txt, the Go types that a release's messages show, from its own modules.
#
#   hack/update-go-types.sh v1.31.0
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/build.sh"

version=$1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
requirements "$version"
cp "$here/go-types/main.go" .
go mod tidy
go run -mod=mod . >types
mv types "$here/../assets/go-types-$(cut -d. -f1,2 <<<"${version#v}").txt"
