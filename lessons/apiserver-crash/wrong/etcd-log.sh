crictl logs "$(crictl ps -q --name etcd | head -n 1)" > {{controlplane_root}}/root/crash.log 2>&1
ls {{controlplane_root}}/var/log/pods/kube-system_etcd-*/etcd/*.log | tail -n 1 > {{controlplane_root}}/root/crash-file
