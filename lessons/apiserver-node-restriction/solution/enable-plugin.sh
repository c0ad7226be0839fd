cd {{manifests_path}}
cp kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.bak
grep -q -e --enable-admission-plugins=.*NodeRestriction kube-apiserver.yaml ||
  sed '/--client-ca-file=/a\    - --enable-admission-plugins=NodeRestriction' {{controlplane_root}}/root/kube-apiserver.yaml.bak > kube-apiserver.yaml
diff kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.bak
# until the new API server has said which plugins it loaded, and is ready
tries=0
until kubectl logs -n kube-system kube-apiserver-{{controlplane}} 2>/dev/null | grep -q -i noderestriction &&
  [ "$(kubectl get --raw /readyz 2>/dev/null)" = ok ]; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
kubectl logs -n kube-system kube-apiserver-{{controlplane}} | grep -i noderestriction
