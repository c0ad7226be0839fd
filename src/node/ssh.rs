//! ssh between nodes: a server in the lab, and a client where the machine has none.
