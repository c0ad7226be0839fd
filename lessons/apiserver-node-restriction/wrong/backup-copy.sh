cd {{manifests_path}}
cp kube-apiserver.yaml kube-apiserver.yaml~
cp kube-apiserver.yaml {{controlplane_root}}/root/before.yaml
sed '/--client-ca-file=/a\    - --enable-admission-plugins=NodeRestriction' {{controlplane_root}}/root/before.yaml > kube-apiserver.yaml
