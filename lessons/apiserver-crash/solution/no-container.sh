journalctl -u kubelet --no-pager | grep 'manifest file' | tail -n 1 > {{controlplane_root}}/root/kubelet.log
cat {{controlplane_root}}/root/kubelet.log
cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.unreadable
grep -v 'owner: team: platform' {{controlplane_root}}/root/kube-apiserver.yaml.unreadable > {{manifests_path}}/kube-apiserver.yaml
tries=0
until [ "$(kubectl get --raw /readyz 2>/dev/null)" = ok ] && kubectl get nodes >/dev/null 2>&1; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
kubectl get nodes
