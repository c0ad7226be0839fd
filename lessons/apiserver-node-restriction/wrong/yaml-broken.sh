cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/before.yaml
sed '/--client-ca-file=/a\   - --enable-admission-plugins=NodeRestriction' {{controlplane_root}}/root/before.yaml > {{manifests_path}}/kube-apiserver.yaml
