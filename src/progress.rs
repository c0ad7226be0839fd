//! What a learner has finished: versioned, written atomically, never losing a finished step.
