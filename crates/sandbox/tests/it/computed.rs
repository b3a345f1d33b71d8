//! iExec's `computed.json`.

use crate::guest::*;
use results::{Failure, Outcome, sha256};
use sandbox::Run;

const FILE: &str = r#"{"deterministic-output-path":"/iexec_out/result.txt"}"#;

fn success(run: &Run) -> results::Success {
    match Place::new().run(run).outcome {
        Outcome::Success(success) => success,
        Outcome::Failure(failure) => panic!("{failure}"),
    }
}

#[test]
fn the_named_files_digest_is_the_results() {
    let program = Guest::new().file("result.txt", "answer").file("log", "noise").file("computed.json", FILE).quiet();
    let success = success(&Run::new(program));
    assert_eq!(success.digest, sha256(b"answer").0);
    assert_ne!(success.digest, success.blob.0, "the blob is the tree's all the same");
}

#[test]
fn without_the_file_the_digest_is_the_blobs() {
    let success = success(&Run::new(Guest::new().file("result.txt", "answer").quiet()));
    assert_eq!(success.digest, success.blob.0);
}

#[test]
fn a_deal_with_a_callback_needs_callback_data() {
    let json = r#"{"callback-data":"0x1234","deterministic-output-path":"/iexec_out/x"}"#;
    let run = Run { callback: true, ..Run::new(Guest::new().file("computed.json", json).quiet()) };
    let success = success(&run);
    assert_eq!(success.callback.unwrap().to_vec(), [0x12, 0x34]);
    let keccak = "56570de287d73cd1cb6092bb8fdee6173974955fdef345ae579ee9f475ea7432";
    assert_eq!(success.digest.to_string(), format!("0x{keccak}"));
    let without = Run { callback: true, ..Run::new(Guest::new().file("a", "1").quiet()) };
    assert_eq!(failure(without), Failure::Computed);
}

#[test]
fn a_file_that_names_no_result_is_the_programs_failure() {
    for json in ["", "{}", "[]", r#"{"deterministic-output-path":"/etc"}"#, FILE] {
        let program = Guest::new().file("computed.json", json).quiet();
        assert_eq!(failure(Run::new(program)), Failure::Computed, "{json}");
    }
}
