cd {{manifests_path}}
cp kube-apiserver.yaml kube-apiserver.yaml.bak
new=$(sed 's/--profilling=/--profiling=/' kube-apiserver.yaml.bak)
printf '%s\n' "$new" > kube-apiserver.yaml
