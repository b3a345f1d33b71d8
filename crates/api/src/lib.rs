//! Wire types and versions: HTTP, worker protocol, iExec gateway.
