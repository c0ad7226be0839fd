kubectl create role secret-reader -n shop --verb=get,list --resource=secrets
kubectl create rolebinding lead-admin -n shop --clusterrole=admin --serviceaccount=shop:lead
kubectl create role pod-viewer -n shop --verb=get,list --resource=pods
