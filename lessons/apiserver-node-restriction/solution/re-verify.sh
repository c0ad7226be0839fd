export KUBECONFIG={{node01_root}}/etc/kubernetes/kubelet.conf
{{#kubelets_read_nodes}}
kubectl label node {{controlplane}} killercoda/two=123 && exit 1
{{/kubelets_read_nodes}}
{{^kubelets_read_nodes}}
echo '{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{controlplane}}","labels":{"killercoda/two":"123"}}}' | kubectl apply --server-side -f - && exit 1
{{/kubelets_read_nodes}}
kubectl label node {{node01}} node-restriction.kubernetes.io/two=123 && exit 1
kubectl label --overwrite node {{node01}} test/two=123
