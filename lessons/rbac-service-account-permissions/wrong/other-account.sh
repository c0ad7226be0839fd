export KUBECONFIG={{controlplane_root}}/root/pipeline.conf
kubectl create rolebinding lead-admin -n shop --clusterrole=admin --serviceaccount=shop:lead && exit 1
true
