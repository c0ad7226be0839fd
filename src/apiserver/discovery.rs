//! What the server serves: /api, /apis, and the aggregated form.
