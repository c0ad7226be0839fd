kubectl create configmap pipeline-was-here -n kube-system --as=system:serviceaccount:shop:pipeline
