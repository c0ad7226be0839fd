file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's,--etcd-servers=https://\(.*\):2378,--etcd-servers=http://\1:2379,' "$file")
printf '%s\n' "$new" > "$file"
