# Somebody noted who owns the server, and YAML takes the second colon amiss.
file={{manifests_path}}/kube-apiserver.yaml
new=$(sed 's/^  name: kube-apiserver$/  annotations:\n    owner: team: platform\n&/' "$file")
grep -q '^  annotations:' "$file" && new=$(sed 's/^  annotations:$/&\n    owner: team: platform/' "$file")
grep -q 'owner: team: platform' "$file" || printf '%s\n' "$new" > "$file"
# until the kubelet has said so, and ended the pod
tries=0
until journalctl -u kubelet --no-pager | grep -q 'mapping values are not allowed' && ! kubectl get --raw /readyz >/dev/null 2>&1; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
