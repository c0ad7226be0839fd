rm {{manifests_path}}/kube-apiserver.yaml
