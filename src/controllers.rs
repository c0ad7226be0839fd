//! What controller-manager and scheduler do that a learner can see: service accounts, namespaces, scheduling, CSRs.
