#!/usr/bin/env bash
# node.sh NODE : the first process of a node's namespaces; cluster.sh starts it. It lays the node's own /etc, /var, /run and
# /usr/local over the machine's, and keeps containerd and the kubelet running as systemd would.
set -e
node=$1 own=$DIR/$1
hostname "$node"
mount --make-rprivate /
mkdir -p "$own"/{etc,var,local,work/{etc,var,local},disk/{kubelet,etcd,containerd,cni,pods,containers}}
mount -t proc proc /proc
for pair in etc:/etc var:/var local:/usr/local; do
  mount -t overlay overlay -o "lowerdir=${pair#*:},upperdir=$own/${pair%%:*},workdir=$own/work/${pair%%:*}" "${pair#*:}"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/{lock,containerd,netns} /var/lib/{kubelet,etcd,containerd,cni} /var/log/{pods,containers} /etc/kubernetes/manifests /etc/cni/net.d
[ -L /var/run ] || mount --bind /run /var/run
# An overlay cannot carry containers' layers, nor etcd's files.
for pair in kubelet:/var/lib/kubelet etcd:/var/lib/etcd containerd:/var/lib/containerd cni:/var/lib/cni pods:/var/log/pods containers:/var/log/containers; do
  mount --bind "$own/disk/${pair%%:*}" "${pair#*:}"
done
# This process is in cgroups of its own and in a cgroup namespace: mounted anew, they are the whole tree.
controllers=$(find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d ! -name unified -printf '%f\n')
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
for controller in $controllers; do
  mkdir -p "/sys/fs/cgroup/$controller"
  case $controller in
    systemd) mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd ;;
    *) mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" ;;
  esac
done
mount --make-rshared /
echo "$node" >/etc/hostname
printf '127.0.0.1 localhost %s\n%s\n' "$node" "$ADDRESSES" >/etc/hosts
: >/etc/resolv.conf
echo 1 >/proc/sys/net/ipv4/ip_forward || :
for program in kubelet kubeadm kubectl; do ln -sf "$BIN/$program" "/usr/local/bin/$program"; done
mkdir -p /etc/containerd
cat >/etc/containerd/config.toml <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
TOML
subnet=192.168.0.0/24
[ "$node" = controlplane ] || subnet=192.168.1.0/24
cat >/etc/cni/net.d/10-lab.conflist <<JSON
{"cniVersion": "0.4.0", "name": "lab", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "$subnet"}]]}}]}
JSON
(while :; do containerd --config /etc/containerd/config.toml >>"$own/containerd.log" 2>&1 || :; sleep 2; done) &
(while :; do
  if [ -f /var/lib/kubelet/config.yaml ] && [ -f /var/lib/kubelet/kubeadm-flags.env ]; then
    . /var/lib/kubelet/kubeadm-flags.env
    # shellcheck disable=SC2086
    kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf \
      --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS >>"$own/kubelet.log" 2>&1 || :
  fi
  sleep 0.5
done) &
touch "$own/ready"
while :; do wait || :; sleep 1; done
