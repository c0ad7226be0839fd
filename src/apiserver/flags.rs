//! The flags of kube-apiserver: names, types, values, and the real texts for what is wrong.
