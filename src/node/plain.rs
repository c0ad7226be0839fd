//! Nodes where namespaces are refused: a directory each, other paths, no isolation.
