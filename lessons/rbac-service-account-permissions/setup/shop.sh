# A pipeline that was made a cluster admin "for now", and a team lead who manages roles.
kubectl delete clusterrolebinding/pipeline namespace/shop --ignore-not-found
kubectl delete configmap pipeline-was-here -n kube-system --ignore-not-found
kubectl create -f - <<'END'
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: pipeline, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: lead, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: pipeline}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: pipeline, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: lead, namespace: shop}
rules:
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, update, patch, delete]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: lead-pods, namespace: shop}
rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lead, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lead}
subjects:
- {kind: ServiceAccount, name: lead, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lead-pods, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lead-pods}
subjects:
- {kind: ServiceAccount, name: lead, namespace: shop}
END
