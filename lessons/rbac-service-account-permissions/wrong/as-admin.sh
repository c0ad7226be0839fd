kubectl create configmap pipeline-was-here -n kube-system
