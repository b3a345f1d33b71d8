//! The hot paths, each as a program of its own for callgrind, which counts the instructions of [`counted`] alone.
//!
//! `guard CASE` runs one and prints over how many operations the count is to be divided; `guard` lists the cases. Nothing here
//! reads a clock or draws a number: the same build takes the same instructions, whatever else the machine does. `cargo xtask
//! guard` builds it, runs it under callgrind and compares with the committed counts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it answers the chore that runs it")]

mod cases;
mod world;

use std::process::ExitCode;

/// A hot path: its name, what an operation is, and its run, which says how many operations were counted.
type Case = (&'static str, &'static str, fn() -> u64);

const CASES: &[Case] = &[
    ("order_check", "a signed request order: EIP-712 hash, signer recovered", cases::order_check),
    ("batch_check", "a statement in a worker's signed batch of 16: typed hashes, signer recovered", cases::batch_check),
    ("book_search", "the best offer for a request among 1,000 in 60 classes", cases::book_search),
    ("explain", "why a request is not matched, among 1,000 offers in 60 classes", cases::explain),
    ("match", "a crossing order placed and matched, rules and policy", cases::matched),
    ("grant", "a task granted to a worker that waits", cases::grant),
    ("cycle_trust1", "a task from grant to settlement, one worker's word", cases::cycle_trust1),
    ("cycle_two_replicas", "a task from grant to settlement, two replicas, commit and reveal", cases::cycle_two),
    ("commit", "a worker's commitment taken, held at the gate and authorized, two replicas", cases::commit),
    ("settle", "a task of two replicas from its reveals to its settlement", cases::settle),
    ("statement", "a worker's statement taken and its task settled, one worker's word", cases::statement),
    ("journal_encode", "an entry of the journal as CBOR", cases::journal_encode),
    ("journal_decode", "an entry of the journal from CBOR", cases::journal_decode),
    ("journal_append", "an entry appended to the journal, in records of 64", cases::journal_append),
    ("replay_apply", "an entry applied again, rules alone", cases::replay_apply),
    ("state_digest", "a task in the digest of the state", cases::state_digest),
    ("results_digest", "a result of three small files: encoding and digests", cases::results_digest),
    ("blob_put", "a MiB of a file hashed and stored", cases::blob_put),
    ("sandbox_start", "a program that does nothing, run, compiled in memory", cases::sandbox_start),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(name) = words.first() else {
        for (name, about, _) in CASES {
            println!("{name} {about}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, _, run)) = CASES.iter().find(|(known, ..)| known == name) else {
        eprintln!("error: no case is named `{name}`");
        return ExitCode::FAILURE;
    };
    println!("{}", run());
    ExitCode::SUCCESS
}

/// What callgrind counts, by this function's name.
#[inline(never)]
fn counted<T>(run: impl FnOnce() -> T) -> T {
    std::hint::black_box(run())
}
