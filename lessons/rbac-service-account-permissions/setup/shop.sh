# A pipeline that was made a cluster admin "for now", and a team lead who manages roles.
kubectl delete clusterrolebinding pipeline --ignore-not-found
kubectl delete configmap pipeline-was-here -n kube-system --ignore-not-found
kubectl delete namespace shop --ignore-not-found
kubectl create namespace shop
kubectl create serviceaccount pipeline -n shop
kubectl create serviceaccount lead -n shop
kubectl create clusterrolebinding pipeline --clusterrole=cluster-admin --serviceaccount=shop:pipeline
kubectl create role lead -n shop --verb=get,list,watch,create,update,patch,delete --resource=roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io
kubectl create role lead-pods -n shop --verb=get,list,watch --resource=pods
kubectl create rolebinding lead -n shop --role=lead --serviceaccount=shop:lead
kubectl create rolebinding lead-pods -n shop --role=lead-pods --serviceaccount=shop:lead
