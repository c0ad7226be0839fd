//! Ways to nodes.
