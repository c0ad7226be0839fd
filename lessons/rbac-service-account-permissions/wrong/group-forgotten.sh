kubectl delete clusterrolebinding pipeline
kubectl apply -f - <<'END'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: pipeline, namespace: shop}
rules:
- apiGroups: [""]
  resources: [deployments]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [""]
  resources: [pods, pods/log]
  verbs: [get, list]
END
kubectl create rolebinding pipeline -n shop --role=pipeline --serviceaccount=shop:pipeline
