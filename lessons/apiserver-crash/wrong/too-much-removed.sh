cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/before.yaml
grep -v -e --profilling -e --enable-bootstrap-token-auth {{controlplane_root}}/root/before.yaml > {{manifests_path}}/kube-apiserver.yaml
