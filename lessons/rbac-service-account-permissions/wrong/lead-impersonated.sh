kubectl create role secret-reader -n shop --verb=get,list --resource=secrets --as=system:serviceaccount:shop:lead && exit 1
true
