//! Runs one task of a stranger's program; the only starter of programs.
