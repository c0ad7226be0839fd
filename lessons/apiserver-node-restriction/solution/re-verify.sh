export KUBECONFIG={{node01_root}}/etc/kubernetes/kubelet.conf
kubectl label node {{controlplane}} killercoda/two=123 && exit 1
kubectl label node {{node01}} node-restriction.kubernetes.io/two=123 && exit 1
kubectl label --overwrite node {{node01}} test/two=123
