#!/usr/bin/env bash
# Makes ready the clients of others that tests/it/long/clients.rs tries against the API server: builds tests/clients/go, and
# installs the Python client into an environment of its own. Everything goes into a cache outside the checkout; prints its place.
#
# What is there and unchanged stays. Without Go, Python or a network it says so on one line; the tests then do without.
set -u
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/clients"
python_client=kubernetes==32.0.1

say() { echo "clients: $*" >&2; }

# made_of FILE...: whether the file `$1.made-of` names the sum of the others.
made_of() {
  local made=$1
  shift
  [ -e "$made" ] && [ "$(cat "$made.made-of" 2>/dev/null)" = "$(cat "$@" | cksum)" ]
}

go_client() {
  local sources=(tests/clients/go/go.mod tests/clients/go/go.sum tests/clients/go/main.go)
  made_of "$cache/informers" "${sources[@]}" && return
  command -v go >/dev/null || { say "no Go here: the tests run without its client"; return; }
  say "building tests/clients/go"
  if ! (cd tests/clients/go && CGO_ENABLED=0 go build -o "$cache/informers.new" .) >"$cache/log" 2>&1; then
    say "tests/clients/go could not be built ($(tail -n 1 "$cache/log")): the tests run without it"
    return
  fi
  mv "$cache/informers.new" "$cache/informers"
  cat "${sources[@]}" | cksum >"$cache/informers.made-of"
}

python_client() {
  local wanted="$cache/python-client"
  [ "$(cat "$wanted" 2>/dev/null)" = "$python_client" ] && [ -x "$cache/python/bin/python" ] && return
  command -v python3 >/dev/null || { say "no Python here: the tests run without its client"; return; }
  say "installing $python_client"
  rm -rf "$cache/python"
  if ! { python3 -m venv "$cache/python" && "$cache/python/bin/pip" install -q "$python_client"; } >"$cache/log" 2>&1; then
    say "$python_client could not be installed ($(tail -n 1 "$cache/log")): the tests run without it"
    rm -rf "$cache/python"
    return
  fi
  echo "$python_client" >"$wanted"
}

mkdir -p "$cache"
go_client
python_client
echo "$cache"
