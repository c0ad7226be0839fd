#!/usr/bin/env bash
# cluster.sh can|up|in NODE CMD...|down : a real two-node kubeadm cluster on this machine; README.md says how and with what.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export VERSION=${VERSION:-v1.31.0}
export BIN=${BIN:-${XDG_CACHE_HOME:-$HOME/.cache}/cks-lab/bin/$VERSION}
export DIR=${DIR:-${TMPDIR:-/tmp}/cks-lab-realcluster}
export LABEL=${LABEL:-ckslab}
declare -A address=([controlplane]=172.30.1.2 [node01]=172.30.2.2)
nodes="controlplane node01"
groups=/sys/fs/cgroup

say() { echo "realcluster: $*" >&2; }
controllers() { find "$groups" -mindepth 1 -maxdepth 1 -type d ! -name unified -printf '%f\n'; }
network() { echo "$LABEL-$1"; }

# What is missing, one line; nothing where all is there.
missing() {
  local program
  [ "$(id -u)" = 0 ] || { echo "it needs root"; return; }
  for program in containerd ctr runc nsenter unshare ip conntrack iptables ethtool socat python3; do
    command -v "$program" >/dev/null || { echo "there is no $program (apt-get install containerd runc containernetworking-plugins iproute2 conntrack socat ethtool iptables)"; return; }
  done
  [ -x /usr/lib/cni/bridge ] || { echo "there is no /usr/lib/cni/bridge (apt-get install containernetworking-plugins)"; return; }
  for program in kube-apiserver kube-controller-manager kube-scheduler etcd kubelet kubeadm kubectl pause; do
    [ -x "$BIN/$program" ] || { echo "there is no $BIN/$program (hack/realcluster-tools.sh builds it)"; return; }
  done
  [ -d "$groups/memory" ] && [ -d "$groups/pids" ] || echo "it needs cgroup v1 below $groups"
}

# The node's first process, if it is the one that was started here.
first() {
  local pid
  pid=$(cat "$DIR/$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "node.sh $1" && echo "$pid"
}

inside() {
  local node=$1 pid
  shift
  pid=$(first "$node") || { say "$node does not run"; return 1; }
  nsenter -t "$pid" -m -u -i -n -p -C -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 "${TERM:+TERM=$TERM}" "$@"
}

image() { # NAME TAG PROGRAM PATH-INSIDE
  [ "$DIR/images/$1.tar" -nt "$3" ] || python3 "$here/image.py" "$DIR/images/$1.tar" "registry.k8s.io/$1:$2" "$4" "$3"
}

start() {
  local node=$1 group name up tries
  first "$node" >/dev/null && return
  mkdir -p "$DIR/$node"
  rm -f "$DIR/$node/ready"
  for group in $(controllers); do
    mkdir -p "$groups/$group/$LABEL-$node"
    [ "$group" != cpuset ] || for name in cpus mems; do
      cat "$groups/cpuset/cpuset.$name" >"$groups/cpuset/$LABEL-$node/cpuset.$name"
    done
  done
  (
    for group in $(controllers); do echo "$BASHPID" >"$groups/$group/$LABEL-$node/cgroup.procs"; done
    export ADDRESSES="${address[controlplane]} controlplane
${address[node01]} node01"
    exec setsid nsenter --net="/run/netns/$(network "$node")" unshare -m -u -i -C -p -f --kill-child=KILL \
      --propagation private bash "$here/node.sh" "$node" </dev/null >"$DIR/$node/log" 2>&1
  ) &
  up=$!
  for tries in $(seq 200); do [ -f "$DIR/$node/ready" ] && break; sleep 0.1; done
  [ -f "$DIR/$node/ready" ] || { cat "$DIR/$node/log" >&2; say "$node did not start"; return 1; }
  tr -d ' ' <"/proc/$up/task/$up/children" >"$DIR/$node/pid"
  for tries in $(seq 200); do inside "$node" ctr version >/dev/null 2>&1 && break; sleep 0.1; done
  for image in "$DIR"/images/*.tar; do
    case "$node:$(basename "$image")" in node01:kube*|node01:etcd*) continue ;; esac
    inside "$node" ctr -n k8s.io images import "$image" >>"$DIR/$node/log" 2>&1
  done
}

configuration() { # KIND NODE REST
  cat <<YAML
apiVersion: kubeadm.k8s.io/v1beta4
kind: $1
$3
nodeRegistration:
  name: $2
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  kubeletExtraArgs: [{name: node-ip, value: ${address[$2]}}]
YAML
}

up() {
  local why name program join token hash
  why=$(missing)
  [ -z "$why" ] || { say "$why"; exit 3; }
  mkdir -p "$DIR/images"
  image pause 3.10 "$BIN/pause" /pause
  image etcd "$("$BIN/kubeadm" config images list --kubernetes-version "$VERSION" 2>/dev/null | sed -n 's#.*/etcd:##p')" "$BIN/etcd" /usr/local/bin/etcd
  for program in kube-apiserver kube-controller-manager kube-scheduler; do
    image "$program" "$VERSION" "$BIN/$program" "/usr/local/bin/$program"
  done
  if ! ip netns list | grep -qw "$(network controlplane)"; then
    for name in $nodes; do ip netns add "$(network "$name")"; done
    ip -n "$(network controlplane)" link add eth0 type veth peer name eth0 netns "$(network node01)"
    for name in $nodes; do
      ip -n "$(network "$name")" addr add "${address[$name]}/16" dev eth0
      ip -n "$(network "$name")" link set lo up
      ip -n "$(network "$name")" link set eth0 up
    done
  fi
  start controlplane
  if ! inside controlplane test -f /etc/kubernetes/kubelet.conf; then
    {
      configuration InitConfiguration controlplane "localAPIEndpoint: {advertiseAddress: ${address[controlplane]}, bindPort: 6443}"
      printf -- '---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: %s\nnetworking: {podSubnet: 192.168.0.0/16}\n' "$VERSION"
      printf -- '---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: cgroupfs\nfailSwapOn: false\nfailCgroupV1: false\n'
      # However full this machine's disk is, the kubelet is not to delete the images that it cannot pull again.
      printf 'imageGCHighThresholdPercent: 100\nevictionHard: {nodefs.available: 0%%, nodefs.inodesFree: 0%%, imagefs.available: 0%%}\n'
    } | inside controlplane sh -c 'cat >/etc/kubeadm.yaml'
    inside controlplane kubeadm init --config /etc/kubeadm.yaml --ignore-preflight-errors=all --skip-phases=addon >"$DIR/controlplane/kubeadm.log" 2>&1 ||
      { tail -n 20 "$DIR/controlplane/kubeadm.log" >&2; say "kubeadm init failed"; exit 1; }
  fi
  start node01
  if ! inside node01 test -f /etc/kubernetes/kubelet.conf; then
    join=$(inside controlplane env KUBECONFIG=/etc/kubernetes/admin.conf kubeadm token create --print-join-command)
    token=$(echo "$join" | sed -n 's/.*--token \([^ ]*\).*/\1/p')
    hash=$(echo "$join" | sed -n 's/.*--discovery-token-ca-cert-hash \([^ ]*\).*/\1/p')
    configuration JoinConfiguration node01 "discovery: {bootstrapToken: {apiServerEndpoint: \"${address[controlplane]}:6443\", token: $token, caCertHashes: [\"$hash\"]}}" |
      inside node01 sh -c 'cat >/etc/kubeadm.yaml'
    inside node01 kubeadm join --config /etc/kubeadm.yaml --ignore-preflight-errors=all >"$DIR/node01/kubeadm.log" 2>&1 ||
      { tail -n 20 "$DIR/node01/kubeadm.log" >&2; say "kubeadm join failed"; exit 1; }
  fi
  inside controlplane cat /etc/kubernetes/admin.conf >"$DIR/admin.conf"
  for _ in $(seq 240); do
    inside controlplane kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers 2>/dev/null |
      awk '$2 == "Ready" {n++} END {exit n != 2}' && { say "up"; return; }
    sleep 0.5
  done
  say "the nodes do not become ready"
  exit 1
}

# Ends what `up` started, by the recorded first process of each node, and removes the cluster's data.
down() {
  local node pid dir
  for node in node01 controlplane; do
    if pid=$(first "$node"); then
      kill -KILL "$pid"
      for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    fi
    for _ in $(seq 50); do
      for dir in "$groups"/*/"$LABEL-$node"; do
        [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} \; 2>/dev/null || :
      done
      compgen -G "$groups/*/$LABEL-$node" >/dev/null || break
      sleep 0.1
    done
    ! ip netns list | grep -qw "$(network "$node")" || ip netns del "$(network "$node")"
    rm -rf "${DIR:?}/$node"
  done
  rm -f "$DIR/admin.conf"
}

case "${1:-}" in
  can) missing ;;
  up) up ;;
  in) shift; inside "$@" ;;
  down) down ;;
  *) echo "usage: cluster.sh can|up|in NODE CMD...|down" >&2; exit 2 ;;
esac
