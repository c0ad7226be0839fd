file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's/--authorisation-mode=/--authorization-modes=/' "$file")
printf '%s\n' "$new" > "$file"
