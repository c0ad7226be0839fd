export KUBECONFIG={{node01_root}}/etc/kubernetes/kubelet.conf
{{#kubelets_read_nodes}}
kubectl label --overwrite node {{controlplane}} killercoda/one=123 || exit 1
{{/kubelets_read_nodes}}
{{^kubelets_read_nodes}}
echo '{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{controlplane}}","labels":{"killercoda/one":"123"}}}' | kubectl apply --server-side -f - || exit 1
{{/kubelets_read_nodes}}
kubectl label --overwrite node {{node01}} node-restriction.kubernetes.io/one=123 || exit 1
