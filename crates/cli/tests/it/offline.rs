//! What is said where there is no exchange, no file, no sense.

use crate::hands::Home;

#[test]
fn a_missing_program_is_named_before_anything_is_started() {
    let home = Home::new();
    home.hands("map no.wasm no.png").fails(1, &["no file no.png"]);
    assert!(!home.path().join("exchange").exists());
}

#[test]
fn a_folder_among_the_inputs_is_refused_before_anything_is_started() {
    let home = Home::new();
    std::fs::create_dir(home.work().join("folder")).unwrap();
    home.file("tool.wasm", "").hands("run tool.wasm --input folder").fails(1, &["folder is a folder"]);
    assert!(!home.path().join("exchange").exists());
}

#[test]
fn an_exchange_that_cannot_be_reached_is_exit_code_4_and_the_next_command() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new();
    let args = ["audit", &format!("http://127.0.0.1:{port}")];
    home.run(args).fails(4, &[&format!("127.0.0.1:{port}"), "hands up"]);
}

#[test]
fn what_is_no_address_of_an_exchange_is_exit_code_2() {
    Home::new().hands("book --exchange nonsense").fails(2, &["nonsense", "http://"]);
}

#[test]
fn without_any_exchange_a_question_says_how_to_get_one() {
    let home = Home::new();
    home.hands("book").fails(1, &["no exchange runs here", "hands up"]);
    assert!(!home.path().join("exchange").exists());
}

#[test]
fn without_jobs_the_list_says_how_to_submit_one() {
    let home = Home::new();
    assert!(home.hands("job list").ok().stdout.contains("hands run"));
    assert_eq!(home.hands("job list --json").ok().json(), serde_json::json!([]));
    home.hands("job watch 0x1234").fails(1, &["no job 0x1234", "hands job list"]);
}

#[test]
fn an_audit_of_nothing_names_the_place() {
    Home::new().hands("audit nowhere").fails(1, &["no journal at nowhere"]);
}

#[test]
fn durations_prices_and_addresses_are_checked_where_they_are_typed() {
    let home = Home::new();
    home.hands("run a.wasm --time-limit soon").fails(2, &["soon", "1h30m"]);
    home.hands("run a.wasm --max-price=-1").fails(2, &["--max-price"]);
    home.hands("wallet transfer 0x12 1").fails(2, &["0x12"]);
}
