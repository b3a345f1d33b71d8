//! Policy: who runs which task, how many replicas, and what the pool's gate lets through.
