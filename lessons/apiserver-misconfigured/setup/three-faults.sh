# Three people edited the manifest, each with a mistake of his own.
file={{manifests_path}}/kube-apiserver.yaml
new=$(sed -e 's/^kind: Pod$/kind:Pod/' -e 's/--authorization-mode=/--authorisation-mode=/' -e 's/^\( *- --etcd-servers=.*\):2379/\1:2378/' "$file")
printf '%s\n' "$new" > "$file"
# until the kubelet has said that it cannot read it, and ended the pod
tries=0
until journalctl -u kubelet --no-pager | grep -q 'Could not process manifest file' && ! kubectl get --raw /readyz >/dev/null 2>&1; do
  tries=$((tries + 1)); [ $tries -lt 600 ] || exit 1; sleep 0.2
done
