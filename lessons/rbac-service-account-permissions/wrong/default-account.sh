kubectl auth can-i --list --as=system:serviceaccount:shop:default > {{controlplane_root}}/root/pipeline-may.txt
