#!/usr/bin/env bash
# Writes the help of the commands that the nodes' kubeadm has, as a real kubeadm of the default release prints it.
# usage: hack/update-kubeadm-help.sh PATH-OF-KUBEADM
set -eu
kubeadm=$1
cd "$(dirname "$0")/.."
while IFS= read -r command; do
  echo "== $command"
  # shellcheck disable=SC2086 # the words of a command
  "$kubeadm" $command --help
done >assets/node/kubeadm-help.txt <<'COMMANDS'

certs
certs check-expiration
certs renew
certs renew all
token
token create
token delete
token generate
token list
init phase certs
init phase kubeconfig
init phase control-plane
init phase etcd
config images list
reset
version
COMMANDS
