cd {{manifests}}
cp kube-apiserver.yaml kube-apiserver.yaml~
cp kube-apiserver.yaml /root/before.yaml
sed '/--client-ca-file=/a\    - --enable-admission-plugins=NodeRestriction' /root/before.yaml > kube-apiserver.yaml
