grep listen-client-urls {{manifests_path}}/etcd.yaml
cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.third
sed 's/^\( *- --etcd-servers=.*\):2378/\1:2379/' {{controlplane_root}}/root/kube-apiserver.yaml.third > {{manifests_path}}/kube-apiserver.yaml
tries=0
until [ "$(kubectl get --raw /readyz 2>/dev/null)" = ok ] && kubectl get nodes >/dev/null 2>&1; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
kubectl get nodes
