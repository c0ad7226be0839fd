# Builds real programs out of their Go modules; sourced by the scripts beside it. Each function builds in the working
# directory, which is scratch, and fails with a status of its own.

# requirements VERSION: writes the go.mod of a module that needs k8s.io/kubernetes.
requirements() {
  local version=$1 module
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
}

# kubernetes DIR VERSION PROGRAM...: builds programs of k8s.io/kubernetes into DIR; the working directory is scratch.
kubernetes() {
  local dir=$1 version=$2 minor program at=k8s.io/component-base/version
  shift 2
  minor=${version#v1.}
  minor=${minor%%.*}
  requirements "$version" || return 1
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
