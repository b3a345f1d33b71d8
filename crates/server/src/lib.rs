//! The operator's shell: HTTP, worker gateway, the loop.
