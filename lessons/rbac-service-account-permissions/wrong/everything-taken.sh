kubectl delete clusterrolebinding pipeline
kubectl create role pipeline -n shop --verb=get,list,watch,create,update,patch,delete --resource=deployments.apps
kubectl create rolebinding pipeline -n shop --role=pipeline --serviceaccount=default:pipeline
