crictl ps -a --name kube-apiserver
# the newest container may have been started a moment ago, and not have said anything yet
tries=0
until crictl logs "$(crictl ps -a -q --name kube-apiserver | head -n 1)" > {{controlplane_root}}/root/crash.log 2>&1 &&
  grep 'unknown flag' {{controlplane_root}}/root/crash.log; do
  tries=$((tries + 1)); [ $tries -lt 300 ] || exit 1; sleep 0.2
done
ls {{controlplane_root}}/var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log | tail -n 1 > {{controlplane_root}}/root/crash-file
cat {{controlplane_root}}/root/crash-file
