//! The OpenAPI v3 documents and the type schemas behind them.
