kubectl auth can-i --list --as=system:serviceaccount:shop:pipeline > {{controlplane_root}}/root/pipeline-may.txt
head -n 5 {{controlplane_root}}/root/pipeline-may.txt
kubectl config view --raw --minify > {{controlplane_root}}/root/pipeline.conf
token=$(kubectl create token pipeline -n shop)
export KUBECONFIG={{controlplane_root}}/root/pipeline.conf
kubectl config set-credentials pipeline --token="$token"
kubectl config set-context --current --user=pipeline
kubectl auth whoami
kubectl create configmap pipeline-was-here -n kube-system
