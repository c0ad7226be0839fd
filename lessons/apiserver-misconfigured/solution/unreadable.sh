journalctl -u kubelet --no-pager | grep 'manifest file' | tail -n 1
cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.first
sed 's/^kind:Pod$/kind: Pod/' {{controlplane_root}}/root/kube-apiserver.yaml.first > {{manifests_path}}/kube-apiserver.yaml
# until the server has said what it does not like
tries=0
until crictl logs "$(crictl ps -a -q --name kube-apiserver | head -n 1)" 2>&1 | grep 'unknown flag'; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
