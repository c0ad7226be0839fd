file={{manifests_path}}/kube-apiserver.yaml
new=$(sed -e 's/^kind:Pod$/kind: Pod/' -e '/^    startupProbe:/,$d' "$file")
printf '%s\n' "$new" > "$file"
