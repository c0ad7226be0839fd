kubectl delete clusterrolebinding pipeline
kubectl create rolebinding pipeline -n shop --clusterrole=edit --serviceaccount=shop:pipeline
