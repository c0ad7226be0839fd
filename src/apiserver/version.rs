//! The /version answer.
