file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's/--authorisation-mode=.*/--authorization-mode=AlwaysAllow/' "$file")
printf '%s\n' "$new" > "$file"
