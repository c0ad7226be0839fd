kubectl label node {{controlplane}} killercoda/one=123
kubectl label node {{node01}} node-restriction.kubernetes.io/one=123
