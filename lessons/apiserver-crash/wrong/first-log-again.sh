cp {{controlplane_root}}/root/crash.log {{controlplane_root}}/root/kubelet.log
