kubectl delete clusterrolebinding pipeline
kubectl create clusterrolebinding pipeline --clusterrole=edit --serviceaccount=shop:pipeline
