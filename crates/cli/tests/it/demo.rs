//! The demo, small: all of it over real sockets, with every claim checked by the command itself.

use crate::hands::{Home, listing};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunks of a PNG file, by name, in order.
fn chunks(png: &[u8]) -> Vec<String> {
    assert!(png.starts_with(PNG));
    let mut names = Vec::new();
    let mut rest = &png[PNG.len()..];
    while let [a, b, c, d, name @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        names.push(String::from_utf8_lossy(&name[..4]).into_owned());
        rest = &name[4 + length + 4..];
    }
    names
}

#[test]
fn the_demo_renders_pays_catches_the_liar_and_proves_it() {
    let home = Home::new();
    let demo = home.hands("demo --frames 4 --width 32 --height 24 --samples 1 --out film --data books").ok();
    let film = home.work().join("film");
    let files = ["animation.png", "contact-sheet.png"].map(str::to_owned).into_iter();
    let files: Vec<String> = files.chain((0..4).map(|frame| format!("frame-{frame:04}.png"))).collect();
    assert_eq!(listing(&film), files);
    for file in files {
        let names = chunks(&std::fs::read(film.join(&file)).unwrap());
        assert_eq!(names.iter().filter(|name| *name == "fcTL").count(), if file == "animation.png" { 4 } else { 0 });
        assert_eq!(names.last().map(String::as_str), Some("IEND"));
    }
    for said in [
        "The order book before the job",
        "The order book after it",
        "Deals",
        "Balances, in credits",
        "yes  worker 4 (lies) lost its stake in every task that it lied in, and has no score",
        "yes  worker 1 was paid by PoCo's split to the last nano-credit",
        "yes  worker 3 was paid by PoCo's split to the last nano-credit",
        "yes  the requester paid the price of each finished task, and no more",
        "yes  the app's owner was paid its price for every frame",
        "yes  the pool's owner has its stakes back and the pool's share of every frame",
        "yes  the books balance",
        "yes  the audit passed",
    ] {
        assert!(demo.stdout.contains(said), "{said:?} is not said in {demo:#?}");
    }
    assert!(!demo.stdout.contains("NO "), "{demo:#?}");

    // The books are whole, and nobody plays on them again.
    home.hands("audit books --receipts books/receipts.jsonl").ok();
    home.hands("demo --frames 2 --data books").fails(1, &["books", "hands audit"]);
}

#[test]
fn the_demo_takes_a_mesh_of_ones_own_and_reports_as_json() {
    let home = Home::new();
    home.file(
        "tent.obj",
        "mtllib tent.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nusemtl red\nf 1 2 3\nf 1 3 4\nf 2 3 4\n",
    );
    home.file("tent.mtl", "newmtl red\nKd 0.8 0.1 0.1\n");
    let demo = home.hands("demo --scene tent.obj --frames 8 --width 24 --height 16 --samples 1 --out a/b --json").ok();
    let report = demo.json();
    assert_eq!(report["holds"], true, "{report:#}");
    assert_eq!(report["frames"].as_array().map(Vec::len), Some(8));
    assert!(report["checks"].as_array().unwrap().iter().all(|check| check["holds"] == true));
    let roles: Vec<&str> =
        report["parties"].as_array().unwrap().iter().map(|row| row["role"].as_str().unwrap()).collect();
    assert_eq!(roles.iter().filter(|role| role.starts_with("worker")).count(), 4);
    assert!(home.work().join("a/b/frame-0001.png").is_file());
}

#[test]
fn a_mesh_that_cannot_be_drawn_ends_the_demo_with_the_tracers_own_words() {
    let home = Home::new();
    home.file("empty.obj", "v 0 0 0\n").file("notes.txt", "hello");
    home.hands("demo --scene empty.obj --frames 2 --width 16 --height 16").fails(1, &["has no faces to draw"]);
    home.hands("demo --scene notes.txt").fails(1, &["notes.txt"]);
    home.hands("demo --scene missing.obj").fails(1, &["missing.obj"]);
    home.hands("demo --trust 2").fails(2, &["--trust"]);
    home.hands("demo --frames 1").fails(2, &["--frames"]);
}

#[cfg(unix)]
#[test]
fn interrupted_the_demo_leaves_nothing_behind() {
    let home = Home::new();
    let temporary = home.work().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = home.command(["demo", "--frames", "1000"]);
    let mut demo = command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(demo.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains("done") && line.contains("running")));
    assert!(std::fs::read_dir(&temporary).unwrap().count() > 0);
    let told = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(told.success());
    // To its end, or it would wait for a reader.
    said.for_each(drop);
    assert_eq!(demo.wait().unwrap().code(), Some(130));
    assert_eq!(listing(&temporary), Vec::<String>::new());
}
