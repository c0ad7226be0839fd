kubectl delete clusterrolebinding pipeline
kubectl create role pipeline -n shop --verb=get,list,watch,create,update,patch,delete --resource=deployments.apps
kubectl create role pipeline-pods -n shop --verb=get,list --resource=pods,pods/log
kubectl create rolebinding pipeline -n shop --role=pipeline --serviceaccount=shop:pipeline
kubectl create rolebinding pipeline-pods -n shop --role=pipeline-pods --serviceaccount=shop:pipeline
kubectl auth can-i create deployments.apps -n shop --as=system:serviceaccount:shop:pipeline
