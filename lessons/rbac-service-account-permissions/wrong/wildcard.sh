kubectl delete clusterrolebinding pipeline
kubectl create role pipeline -n shop --verb='*' --resource=deployments.apps
kubectl create role pipeline-pods -n shop --verb=get,list --resource=pods,pods/log
kubectl create rolebinding pipeline -n shop --role=pipeline --serviceaccount=shop:pipeline
kubectl create rolebinding pipeline-pods -n shop --role=pipeline-pods --serviceaccount=shop:pipeline
