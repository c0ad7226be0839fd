file={{manifests_path}}/kube-apiserver.yaml
new=$(grep -v -e --authorisation-mode= "$file")
printf '%s\n' "$new" > "$file"
