kubectl config view --raw --minify > {{controlplane_root}}/root/lead.conf
token=$(kubectl create token lead -n shop)
export KUBECONFIG={{controlplane_root}}/root/lead.conf
kubectl config set-credentials lead --token="$token"
kubectl config set-context --current --user=lead
kubectl create role secret-reader -n shop --verb=get,list --resource=secrets && exit 1
kubectl create rolebinding lead-admin -n shop --clusterrole=admin --serviceaccount=shop:lead && exit 1
kubectl create role pod-viewer -n shop --verb=get,list --resource=pods
