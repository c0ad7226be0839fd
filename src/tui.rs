//! The terminal program a learner sits in.
