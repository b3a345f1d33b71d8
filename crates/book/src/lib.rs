//! Policy: which resting orders to match, and why a request is not matched.
