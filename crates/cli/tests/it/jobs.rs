//! Jobs end to end: the binary starts a real exchange and real workers, and programs really run.

use crate::hands::{Home, listing};

fn home() -> Home {
    let home = Home::new();
    home.file("misfit.wasm", bundle::MISFIT);
    home
}

#[test]
fn a_run_prints_the_programs_own_words_and_says_that_it_started_an_exchange() {
    let home = home();
    let ended = home.run(["run", "misfit.wasm", "--", "print", "hello there"]).ok();
    assert_eq!(ended.stdout, "hello there\n");
    assert!(ended.stderr.contains("embedded"), "{ended:#?}");
    assert_eq!(listing(&home.work()), ["misfit.wasm"]);
}

#[test]
fn what_a_program_writes_into_its_current_folder_is_in_its_results() {
    let home = home();
    home.hands("run misfit.wasm --out results -- write note hello").ok();
    assert_eq!(listing(&home.work().join("results")), ["note"]);
    assert_eq!(home.read("results/note"), "hello");
}

#[test]
fn an_input_is_seen_under_its_name() {
    let home = home();
    home.file("data.txt", "some data");
    let ended = home.hands("run misfit.wasm --input data.txt -- read /iexec_in/data.txt").ok();
    assert_eq!(ended.stdout, "some data");
}

#[test]
fn a_program_that_fails_ends_the_command_with_3_and_its_last_words() {
    let home = home();
    home.hands("run misfit.wasm -- exit 7").fails(3, &["exit code 7"]);
    home.hands("run misfit.wasm -- read nothing").fails(3, &["exit code 1", "| misfit: read nothing"]);
    home.hands("run misfit.wasm -- trap").fails(3, &["crashed"]);
}

#[test]
fn what_is_no_webassembly_is_refused_before_it_is_sent() {
    let home = home();
    home.file("tool", "#!/bin/sh").hands("run tool").fails(1, &["not a WebAssembly module", "wasm32-wasip1"]);
}

#[test]
fn a_map_makes_one_task_a_file_and_fills_in_its_arguments() {
    let home = home();
    for name in ["a.txt", "b.txt", "c.txt"] {
        home.file(name, format!("this is {name}"));
    }
    let args = "map misfit.wasm a.txt b.txt c.txt --out small -- write {out}/{stem}.done {in}";
    let ended = home.hands(args).ok();
    assert!(ended.stderr.contains("3 of 3 tasks done"), "{ended:#?}");
    assert_eq!(listing(&home.work().join("small")), ["a.done", "b.done", "c.done"]);
    assert_eq!(home.read("small/b.done"), "/iexec_in/b.txt");
}

#[test]
fn tasks_of_a_map_that_write_one_path_do_not_overwrite_each_other_and_their_words_are_kept() {
    let home = home();
    home.file("a", "1").file("b", "2");
    home.hands("map misfit.wasm a b --out out -- write same {in}").ok();
    let mut contents: Vec<String> =
        listing(&home.work().join("out")).iter().map(|name| home.read(&format!("out/{name}"))).collect();
    contents.sort();
    assert_eq!(contents, ["/iexec_in/a", "/iexec_in/b"]);
    home.hands("map misfit.wasm a b --out words -- print {stem}").ok();
    assert_eq!(listing(&home.work().join("words")), ["a.stdout", "b.stdout"]);
    assert_eq!(home.read("words/a.stdout"), "a\n");
}

#[test]
fn a_map_with_a_failing_task_brings_the_others_and_ends_with_3() {
    let home = home();
    home.file("good", "").file("7", "");
    let ended = home.hands("map misfit.wasm good 7 --out out -- exit {stem}");
    // `exit good` is no number, which is a failure too: both fail, each with its own words.
    ended.fails(3, &["exit code 7", "2 failed"]);
    let ended = home.hands("job list --json").ok().json();
    let id = ended[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ended[0]["state"], "failed");
    let results = home.hands(&format!("job results {id} --json")).ok().json();
    assert_eq!(results.as_array().unwrap().len(), 2);
    let shown = home.hands(&format!("job show {id} --json")).ok().json();
    assert_eq!((&shown["tasks"], &shown["failed"]), (&serde_json::json!(2), &serde_json::json!(2)));
}

#[test]
fn at_trust_3_two_workers_agree_before_a_result_is_believed() {
    let home = home();
    let ended = home.run(["run", "misfit.wasm", "--trust", "3", "--", "print", "sure"]).ok();
    assert_eq!(ended.stdout, "sure\n");
    let jobs = home.hands("job list --json").ok().json();
    let id = jobs[0]["id"].as_str().unwrap();
    let results = home.hands(&format!("job results {id} --json")).ok().json();
    assert!(results[0]["agreed"].as_u64().unwrap() >= 2, "{results}");
}

#[test]
fn the_embedded_exchanges_journal_is_proven_and_a_changed_byte_is_not() {
    let home = home();
    home.run(["run", "misfit.wasm", "--", "print", "x"]).ok();
    let proven = home.hands("audit --json").ok().json();
    assert_eq!(proven["proven"], true);
    assert!(proven["receipts"].as_u64().unwrap() > 0, "{proven}");
    assert!(proven["entries"].as_u64().unwrap() > 0, "{proven}");

    let receipts = std::fs::read_dir(home.path().join("receipts")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&receipts).unwrap();
    let mut first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    first["head"] = format!("0x{}", "ab".repeat(32)).into();
    home.file("doctored.jsonl", first.to_string());
    let exchange = home.path().join("exchange");
    let args = [exchange.as_os_str(), "--receipts".as_ref(), "doctored.jsonl".as_ref()];
    home.run([["audit".as_ref()].as_slice(), &args].concat()).fails(6, &["NOT PROVEN"]);
}

#[test]
fn an_unknown_job_is_said_to_be_unknown() {
    let home = home();
    home.run(["run", "misfit.wasm", "--", "print", "x"]).ok();
    let id = format!("0x{}", "12".repeat(32));
    let ended = home.hands(&format!("job show {id}"));
    ended.fails(5, &["hands job list"]);
}
