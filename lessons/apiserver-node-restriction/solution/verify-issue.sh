export KUBECONFIG={{node01_root}}/etc/kubernetes/kubelet.conf
kubectl label --overwrite node {{controlplane}} killercoda/one=123 || exit 1
kubectl label --overwrite node {{node01}} node-restriction.kubernetes.io/one=123 || exit 1
