cp {{manifests_path}}/kube-apiserver.yaml {{controlplane_root}}/root/kube-apiserver.yaml.second
sed 's/--authorisation-mode=/--authorization-mode=/' {{controlplane_root}}/root/kube-apiserver.yaml.second > {{manifests_path}}/kube-apiserver.yaml
