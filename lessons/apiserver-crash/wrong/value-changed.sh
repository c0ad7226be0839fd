cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/before.yaml
sed 's/--profilling=false/--profilling=true/' {{controlplane_root}}/root/before.yaml > {{manifests_path}}/kube-apiserver.yaml
