//! Apps with a manifest, end to end: planned here, run by a real exchange and its workers, proved, joined, with a receipt.

use crate::hands::{Home, listing};
use orders::SigningKey;
use serde_json::Value;
use std::process::Command;

/// Bitcoin's first block.
const GENESIS: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e6776\
                       8f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";
const FOUND: &str = "2083236893 000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f\n";
const SCENE: &str = "mtllib paint.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl red\nf 1 2 3\n";
const SMALL: &str = "--width 24 --height 16 --samples 2 --out";

fn scene() -> Home {
    let home = Home::new();
    home.file("a.obj", SCENE).file("paint.mtl", "newmtl red\nKd 1 0 0\n");
    home
}

fn bytes(home: &Home, name: &str) -> Vec<u8> {
    std::fs::read(home.work().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_search_here_finds_a_real_blocks_nonce_and_stops_there() {
    let home = Home::new();
    let range = "2083230000-2083240000";
    let ended = home.hands(&format!("search {GENESIS} --range {range} --piece 1024 --local --out hits")).ok();
    assert_eq!(ended.stdout, FOUND);
    assert_eq!(home.read("hits/found.txt"), FOUND);
    assert!(ended.stderr.contains("found, and proved here"), "{ended:#?}");
    assert!(!home.path().join("key").exists(), "no account is needed");
}

#[test]
fn a_search_through_an_exchange_is_tried_quoted_proved_and_receipted() {
    let home = Home::new();
    let range = "2083230000-2083240000";
    let ended = home.hands(&format!("search {GENESIS} --range {range} --piece 1024 --out hits")).ok();
    assert_eq!(ended.stdout, FOUND);
    for words in ["2 tasks first", "quote: 8 tasks, for nothing", "found, and proved here", "receipt: "] {
        assert!(ended.stderr.contains(words), "{words:?} is not said in {ended:#?}");
    }
    let receipt: Value = serde_json::from_str(&home.read("hits/receipt.json")).unwrap();
    let content = &receipt["receipt"];
    assert_eq!((&content["app"], &content["quoted"]["tasks"]), (&"search".into(), &8.into()));
    assert_eq!(content["jobs"].as_array().unwrap().len(), 2);
    let key = std::fs::read_to_string(home.path().join("key")).unwrap();
    let key = hex::decode(key.trim().trim_start_matches("0x")).unwrap();
    let key = SigningKey::from_bytes(&key.try_into().unwrap()).unwrap();
    assert_eq!(content["requester"], key.address().to_string().to_lowercase());
    assert!(content["operator"]["signature"].is_string(), "{content}");
}

#[test]
fn a_range_without_a_hit_ends_well_and_says_so() {
    let home = Home::new();
    let ended = home.hands(&format!("search {GENESIS} --range 1-4000 --piece 1024 --local --out hits")).ok();
    assert_eq!(ended.stdout, "no nonce of the range passes\n");
}

#[test]
fn frames_from_an_exchange_are_the_bytes_of_a_local_render_and_called_as_blender_would() {
    let home = scene();
    let ended = home.hands(&format!("render a.obj --frames 1-6 {SMALL} far")).ok();
    assert!(ended.stderr.contains("3 tasks first") && ended.stderr.contains("quote: 3 tasks"), "{ended:#?}");
    home.hands(&format!("render a.obj --frames 1-6 --local {SMALL} near")).ok();
    let frames: Vec<String> = (1..=6).map(|frame| format!("{frame:04}.png")).collect();
    let own = |folder: &str| {
        let mut names = listing(&home.work().join(folder));
        names.retain(|name| name.starts_with('0'));
        names
    };
    assert_eq!((own("far"), own("near")), (frames.clone(), frames.clone()));
    for frame in &frames {
        assert_eq!(bytes(&home, &format!("far/{frame}")), bytes(&home, &format!("near/{frame}")), "{frame}");
    }
    assert_ne!(bytes(&home, "far/0001.png"), bytes(&home, "far/0003.png"));
    assert_eq!(bytes(&home, "far/contact-sheet.png"), bytes(&home, "near/contact-sheet.png"));
    let receipt: Value = serde_json::from_str(&home.read("far/receipt.json")).unwrap();
    assert_eq!(receipt["receipt"]["tasks"].as_array().unwrap().len(), 6);
    let again = home.hands(&format!("render a.obj --frames 1-6 {SMALL} again")).ok();
    assert!(again.stderr.contains("2 files: 0 sent, 0 bytes"), "{again:#?}");
}

#[test]
fn what_a_scene_lacks_is_named_before_an_exchange_is_even_looked_for() {
    let home = Home::new();
    home.file("a.obj", SCENE);
    let line = format!("render a.obj --frames 1-2 {SMALL} out");
    let ended = home.hands(&line).fails(1, &["a.obj needs paint.mtl, which is not there"]);
    assert!(!ended.stderr.contains("exchange"), "{ended:#?}");
    assert!(!home.path().join("exchange").exists() && !home.work().join("out").exists());
    home.hands(&format!("{line} --ignore-missing --local")).ok();
    home.file("b.obj", "v 0 0 0\nf 1 2 3\n");
    home.hands("render b.obj --local").fails(1, &["b.obj:2: face names vertex 2"]);
    home.file("c.blend", "PK").hands("render c.blend").fails(1, &["c.blend is not a Blender file"]);
    home.hands("render nothing.obj --local").fails(1, &["there is no file nothing.obj"]);
    home.hands("render a.obj --frames 9-3").fails(2, &["no range within 0 to 1000000"]);
}

/// A `.blend` that Blender 5.0 wrote, and the texture that it names.
const BLEND: &[u8] = include_bytes!("../../../../apps/render/src/blend/real/cube-5.0.blend");
const CHECKS: &[u8] = include_bytes!("../../../../apps/render/src/blend/real/checks.png");

#[test]
fn a_blend_that_lacks_a_texture_or_an_image_is_refused_before_anything_is_bought() {
    let home = Home::new();
    home.file("cube.blend", BLEND);
    let ended = home.hands("render cube.blend");
    let ended = ended.fails(1, &["cube.blend needs textures/checks.png (image checks), which is not there"]);
    assert!(!ended.stderr.contains("exchange"), "{ended:#?}");
    std::fs::create_dir(home.work().join("textures")).unwrap();
    home.file("textures/checks.png", CHECKS);
    let words = ["cube.blend: Blender 5.0, frames 1 to 24, by blender-5.0", "no image is called blender-5.0 here"];
    home.hands("render cube.blend --local").fails(1, &words);
    home.hands("render cube.blend")
        .fails(1, &["publishes no image called blender-5.0", "hands app use blender-5.0.tar"]);
}

#[test]
fn a_job_that_was_left_is_come_back_to_joined_and_receipted() {
    let home = Home::new();
    let mut up = home.start("up --listen 127.0.0.1:0");
    up.value("exchange");
    let line = format!("search {GENESIS} --range 2083230000-2083240000 --piece 1024 --out hits --detach");
    let left = home.hands(&line).ok();
    let job = left.stdout.trim();
    assert!(left.stderr.contains("hands job watch"), "{left:#?}");
    let watched = home.hands(&format!("job watch {job}")).ok();
    assert_eq!(watched.stdout, FOUND);
    assert!(home.work().join("hits/receipt.json").exists());
    up.interrupt();
}

/// The first block of this kind in the manual of apps.
fn of_the_manual(kind: &str) -> String {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/apps.md")).unwrap();
    let (_, rest) = manual.split_once(&format!("```{kind}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

const BOOK: &str = "one two three four five\nsix seven eight nine ten eleven\n";

/// A home with the manual's app in the folder `words`, built.
fn words() -> Home {
    let home = Home::new();
    std::fs::create_dir(home.work().join("words")).unwrap();
    home.file("words/manyhands.toml", of_the_manual("toml")).file("words/words.rs", of_the_manual("rust"));
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "--target", "wasm32-wasip1", "words/words.rs", "-o", "words/words.wasm"]);
    let built = rustc.current_dir(home.work()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    home
}

#[test]
fn an_app_that_somebody_offers_is_found_by_its_name_and_used_without_its_program() {
    let (owner, user) = (words(), Home::new());
    // What workers run is a file of its own.
    let manifest = of_the_manual("toml").replacen("words.wasm", "count.wasm", 1);
    owner.file("words/manyhands.toml", manifest).file("words/count.wasm", bytes(&owner, "words/words.wasm"));
    user.file("book.txt", BOOK);
    let mut up = owner.start("up --listen 127.0.0.1:0");
    let at = format!("--exchange {} --join {}", up.value("exchange"), up.value("join token"));
    user.hands(&format!("app use words {at}")).fails(1, &["nobody offers an app called words", "hands app publish"]);
    owner.hands("app publish words").ok();
    user.hands(&format!("app use words {at}")).fails(1, &["nobody offers an app called words"]);
    owner.hands("app publish words --price 0").ok();
    let used = user.hands(&format!("app use words --json {at}")).ok().json();
    assert_eq!((&used["name"], &used["from"]), (&"words".into(), &"another's".into()));
    let here = listing(&user.path().join("apps/words"));
    assert_eq!(here, ["manyhands.toml", "owner.json", "published.json", "words.wasm"], "its program is not here");
    assert!(user.hands("--help").ok().stdout.contains("Count the words of a text"));
    assert_eq!(user.hands(&format!("words book.txt --pieces 8 --out far {at}")).ok().stdout, "11 words\n");
    let local = user.hands("words book.txt --pieces 3 --out near --local");
    local.fails(1, &["what words runs is its owner's, and only workers are given it"]);
    // Nobody's app takes the place of what there is.
    user.hands(&format!("app use render {at}")).fails(1, &["`hands render` is brought along"]);
    std::fs::rename(owner.work().join("words"), owner.work().join("sources")).unwrap();
    owner.hands("app use words").fails(1, &["an app called words was published from here"]);
    up.interrupt();
}

#[test]
fn an_app_of_ones_own_is_made_as_the_manual_says_published_and_used() {
    let home = words();
    let block = of_the_manual;
    home.file("book.txt", BOOK).file("empty.txt", "\n");

    let mut up = home.start("up --listen 127.0.0.1:0");
    up.value("exchange");
    home.hands("app publish words").ok();
    assert!(home.hands("--help").ok().stdout.contains("Count the words of a text"));
    assert_eq!(home.hands("words book.txt --pieces 8 --out far").ok().stdout, "11 words\n");
    assert_eq!(home.hands("words book.txt --pieces 3 --out near --local").ok().stdout, "11 words\n");
    assert_eq!(home.read("near/total.txt"), "11");
    home.hands("words empty.txt").fails(1, &["the text has no words"]);
    up.interrupt();

    let listed = home.hands("app list --json").ok().json();
    let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|app| app["name"].as_str()).collect();
    assert_eq!(names, ["render", "search", "transcode", "words"]);
    home.file("words/manyhands.toml", block("toml").replace("[split]", "[spilt]"));
    home.hands("app publish words").fails(1, &["manyhands.toml:", "`spilt` is no key of the manifest", "[split]"]);
    home.file("words/manyhands.toml", block("toml").replace("\"words\"", "\"work\""));
    home.hands("app publish words").fails(1, &["`hands work` is a command already"]);
}

#[test]
fn a_budget_is_never_passed_and_too_small_a_one_buys_nothing() {
    let (operator, home) = (Home::new(), scene());
    let mut serve = operator.start("serve --listen 127.0.0.1:0");
    let url = serve.value("exchange");
    serve.value("stakes");
    let at = format!("--exchange {url}");
    let address = home.hands("wallet show --json").ok().json()["address"].as_str().unwrap().to_owned();
    operator.hands(&format!("operator credit {address} 20")).ok();
    let providers = [Home::new(), Home::new()];
    let _works = providers.each_ref().map(|provider| {
        let mut work = provider.start_overheard(&format!("work {at} --floor 0.05 --cores 1"));
        work.says("connected");
        work
    });
    let line = format!("render a.obj --frames 1-5 {at} {SMALL}");
    let ended = home.hands(&format!("{line} far --budget 4 --yes")).ok();
    assert!(ended.stderr.contains("3 tasks first") && ended.stderr.contains("budget: 4.00 credits"), "{ended:#?}");
    let free = home.hands(&format!("wallet balance --json {at}")).ok().json()["free"].as_str().unwrap().to_owned();
    let paid = 20_000_000_000 - free.parse::<u64>().unwrap();
    let receipt: Value = serde_json::from_str(&home.read("far/receipt.json")).unwrap();
    let content = &receipt["receipt"];
    assert_eq!(content["paid"], paid.to_string());
    assert!((1..=4_000_000_000).contains(&paid), "{paid}");
    assert_eq!(content["quoted"]["tasks"], 2);

    // Those who have worked are on offer again.
    let is_sold = |row: &Value| row["category"] == 1 && row["trust"].as_u64() >= Some(3);
    while !home
        .hands(&format!("book --kind workerpool --json {at}"))
        .ok()
        .json()
        .as_array()
        .unwrap()
        .iter()
        .any(is_sold)
    {
        std::thread::yield_now();
    }
    let small = home.hands(&format!("{line} none --budget 0.000001 --yes"));
    small.fails(1, &["the budget is 0.0000002 credits a task and the book asks", "nothing was bought"]);
    home.hands(&format!("{line} none")).fails(1, &["not agreed, so nothing was bought", "--yes"]);
    assert!(!home.work().join("none").exists());
}

#[cfg(unix)]
#[test]
fn a_render_says_how_long_it_takes_is_left_by_ctrl_c_and_come_back_to() {
    let home = scene();
    let mut up = home.start("up --listen 127.0.0.1:0");
    up.value("exchange");
    home.hands(&format!("render a.obj --frames 1-400 --local {SMALL} near")).ok();
    let mut render = home.start_overheard(&format!("render a.obj --frames 1-400 {SMALL} far"));
    render.says("quote: 397 tasks");
    render.says(" left");
    assert_eq!(render.interrupt(), Some(130));
    let jobs = home.hands("job list --json").ok().json();
    let ids: Vec<&str> = jobs.as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(ids.len(), 2, "the trial and the rest: {jobs}");
    assert!(!home.work().join("far/receipt.json").exists(), "it was left before its end");
    // By either of the two.
    let watched = home.hands(&format!("job watch {}", ids[1])).ok();
    assert!(watched.stderr.contains("contact sheet: "), "{watched:#?}");
    assert_eq!(bytes(&home, "far/contact-sheet.png"), bytes(&home, "near/contact-sheet.png"));
    let receipt: Value = serde_json::from_str(&home.read("far/receipt.json")).unwrap();
    assert_eq!(receipt["receipt"]["tasks"].as_array().unwrap().len(), 400);
    up.interrupt();
}

#[cfg(unix)]
#[test]
fn a_render_that_is_cancelled_buys_no_more_and_what_was_bought_goes_on() {
    let home = scene();
    let mut up = home.start("up --listen 127.0.0.1:0");
    up.value("exchange");
    let mut render = home.start_overheard("render a.obj --frames 1-2000 --width 96 --height 64 --samples 8 --out far");
    // Behind the trial, which says how long it takes too.
    render.says("quote: 1997 tasks");
    render.says(" left");
    render.interrupt();
    let jobs = home.hands("job list --json").ok().json();
    let open = jobs.as_array().unwrap().iter().find(|job| job["tasks"] == 1997).unwrap();
    let id = open["id"].as_str().unwrap();
    let cancelled = home.hands(&format!("job cancel {id}")).ok();
    let said = cancelled.stdout.strip_prefix("cancelled: nothing more is bought; ").unwrap();
    let bought: u64 = said.strip_suffix(" of 1997 tasks had been\n").unwrap().parse().unwrap();
    assert!((1..1997).contains(&bought), "what was not bought is free at once, the rest goes on: {said}");
    let requests = home.hands("book --kind request --json").ok().json();
    assert_eq!(requests.as_array().unwrap().len(), 0, "{requests}");
    let job = home.hands(&format!("job show {id} --json")).ok().json();
    assert_eq!((job["matched"].as_u64(), &job["locked"]), (Some(bought), &"0".into()), "{job}");
    up.interrupt();
}

/// A terminal of util-linux's `script`, which Debian calls essential.
#[cfg(target_os = "linux")]
#[test]
fn in_a_terminal_the_contact_sheet_is_drawn_in_half_blocks() {
    let home = scene();
    let line = format!("{} render a.obj --frames 1-3 --local {SMALL} near", env!("CARGO_BIN_EXE_hands"));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(home.work());
    script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("MANYHANDS_HOME", home.path());
    script.env("TERM", "xterm-256color").stdin(std::process::Stdio::null());
    let ended = script.output().unwrap();
    let shown = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{shown}");
    assert!(shown.contains("\u{2580}") && shown.contains("\u{1b}[38;2;"), "no half blocks in {shown:?}");
    assert!(home.work().join("near/contact-sheet.png").exists());
}
