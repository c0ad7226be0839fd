cp {{manifests}}/kube-apiserver.yaml /root/before.yaml
sed '/--client-ca-file=/a\    - --enable-admission-plugins=NodeRestrictio' /root/before.yaml > {{manifests}}/kube-apiserver.yaml
