file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's/:2378/:2377/' "$file")
printf '%s\n' "$new" > "$file"
