cp {{manifests}}/kube-apiserver.yaml /root/before.yaml
sed '/--client-ca-file=/a\   - --enable-admission-plugins=NodeRestriction' /root/before.yaml > {{manifests}}/kube-apiserver.yaml
