kubectl delete clusterrolebinding pipeline
kubectl delete serviceaccount pipeline -n shop
