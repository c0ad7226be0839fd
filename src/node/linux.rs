//! Nodes in namespaces of this machine; the only room with unsafe code.
#![allow(unsafe_code)]
