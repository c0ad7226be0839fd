grep -n -e --profilling {{manifests_path}}/kube-apiserver.yaml > {{controlplane_root}}/root/crash.log
echo {{controlplane_root}}/var/log/containers/kube-apiserver-{{controlplane}}_kube-system_kube-apiserver-0.log > {{controlplane_root}}/root/crash-file
