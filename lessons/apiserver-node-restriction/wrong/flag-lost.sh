cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/before.yaml
sed 's/--enable-bootstrap-token-auth=true/--enable-admission-plugins=NodeRestriction/' {{controlplane_root}}/root/before.yaml > {{manifests_path}}/kube-apiserver.yaml
