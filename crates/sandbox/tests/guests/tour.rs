//! An ordinary Rust program that uses much of what std offers, and checks what it gets. Any surprise is a panic.

use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    assert_eq!(args, ["app", "one", "two words"]);
    assert_eq!(std::env::var("IEXEC_OUT").unwrap(), "/iexec_out");
    assert_eq!(std::env::vars().count(), 1);

    // Inputs, by absolute path.
    assert_eq!(fs::read_to_string("/iexec_in/sub/in.txt").unwrap(), "given");
    let names: Vec<_> = fs::read_dir("/iexec_in").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a", "sub"]);
    assert!(fs::write("/iexec_in/x", "no").is_err());
    assert_eq!(fs::metadata("/iexec_in/a").unwrap().len(), 3);

    // Output, by absolute and by relative path.
    fs::create_dir_all("deep/er").unwrap();
    fs::write("deep/er/rel.txt", "relative").unwrap();
    assert_eq!(fs::read_to_string("/iexec_out/deep/er/rel.txt").unwrap(), "relative");
    fs::write("/iexec_out/abs.txt", "absolute").unwrap();
    assert_eq!(fs::read_to_string("abs.txt").unwrap(), "absolute");
    assert!(fs::metadata("deep").unwrap().is_dir());
    assert_eq!(fs::metadata("none").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(fs::read_to_string("/etc/passwd").is_err());

    // Positions, appending, cutting, holes.
    let mut file = fs::File::options().read(true).write(true).create(true).truncate(true).open("seek").unwrap();
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(3)).unwrap();
    file.write_all(b"xyz").unwrap();
    file.seek(SeekFrom::End(-2)).unwrap();
    let mut rest = String::new();
    file.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "89");
    file.set_len(4).unwrap();
    file.seek(SeekFrom::Start(6)).unwrap();
    file.write_all(b"!").unwrap();
    drop(file);
    fs::File::options().append(true).open("seek").unwrap().write_all(b"+").unwrap();
    assert_eq!(fs::read("seek").unwrap(), b"012x\0\0!+");

    // A large file, larger than what is kept in memory, written and read in pieces.
    let mut large = fs::File::create("large").unwrap();
    for number in 0..200_000_u32 {
        large.write_all(&number.to_le_bytes()).unwrap();
    }
    drop(large);
    let mut large = fs::File::open("large").unwrap();
    large.seek(SeekFrom::Start(4 * 123_456)).unwrap();
    let mut word = [0; 4];
    large.read_exact(&mut word).unwrap();
    assert_eq!(u32::from_le_bytes(word), 123_456);
    let mut copy = Vec::new();
    large.rewind().unwrap();
    large.read_to_end(&mut copy).unwrap();
    assert_eq!(copy.len(), 800_000);

    // Renaming, removing.
    fs::rename("abs.txt", "deep/moved.txt").unwrap();
    assert!(!fs::exists("abs.txt").unwrap());
    fs::copy("deep/moved.txt", "copied.txt").unwrap();
    fs::create_dir_all("gone/and/gone").unwrap();
    for number in 0..100 {
        fs::write(format!("gone/and/{number}"), "x").unwrap();
    }
    fs::remove_dir_all("gone").unwrap();
    assert!(!fs::exists("gone").unwrap());
    fs::create_dir("empty").unwrap();
    assert_eq!(fs::remove_dir("deep").unwrap_err().raw_os_error(), Some(55), "not empty");
    assert_eq!(fs::create_dir("deep").unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::remove_file("none").unwrap_err().kind(), ErrorKind::NotFound);
    let mut names: Vec<_> = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["copied.txt", "deep", "empty", "large", "seek"]);
    names.clear();

    // Time and sleep.
    let (before, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(Duration::from_secs(3600));
    assert!(before.elapsed() >= Duration::from_secs(3600));
    assert!(wall.elapsed().unwrap() >= Duration::from_secs(3600));
    assert!(fs::metadata("large").unwrap().modified().unwrap() == SystemTime::UNIX_EPOCH);

    // Hash maps draw randomness.
    let map: std::collections::HashMap<u32, u32> = (0..10).map(|number| (number, number)).collect();
    let order: Vec<String> = map.keys().map(u32::to_string).collect();
    println!("{}", order.join(" "));
    eprintln!("the end");
}
