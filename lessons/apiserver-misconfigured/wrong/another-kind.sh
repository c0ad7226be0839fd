file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's/^kind:Pod$/kind: Deployment/' "$file")
printf '%s\n' "$new" > "$file"
