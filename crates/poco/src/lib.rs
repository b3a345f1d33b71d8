//! Proof-of-Contribution: deals, tasks, contributions, consensus and scores, exactly as iExec's contracts.
