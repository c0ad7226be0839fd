//! RBAC: roles, bindings, and the bootstrap policy.
