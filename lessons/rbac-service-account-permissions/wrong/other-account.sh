kubectl config view --raw --minify > {{controlplane_root}}/root/other.conf
token=$(kubectl create token pipeline -n shop)
export KUBECONFIG={{controlplane_root}}/root/other.conf
kubectl config set-credentials pipeline --token="$token"
kubectl config set-context --current --user=pipeline
kubectl create rolebinding lead-admin -n shop --clusterrole=admin --serviceaccount=shop:lead && exit 1
true
