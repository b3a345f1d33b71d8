//! Content-addressed files (SHA-256).
