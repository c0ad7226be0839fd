kubectl label node {{controlplane}} killercoda/two=123
kubectl label node {{node01}} node-restriction.kubernetes.io/two=123
