//! Reports: one model, shown as text and json.
