cp {{manifests}}/kube-apiserver.yaml /root/before.yaml
sed 's/--enable-bootstrap-token-auth=true/--enable-admission-plugins=NodeRestriction/' /root/before.yaml > {{manifests}}/kube-apiserver.yaml
