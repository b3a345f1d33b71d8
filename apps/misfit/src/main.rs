//! A program that misbehaves on demand, for the tests of whatever has to hold it.
//!
//! Each way of misbehaving is one command-line word; [`USAGE`] lists them. What a sandbox should refuse ends in exit code 1
//! with the refusal on stderr, so that a test can tell "it was let" (code 0) from "it was held".

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const USAGE: &str = "\
usage: misfit WAY [ARGUMENT…]

never ends
  loop                    spins
  sleep [SECONDS]         sleeps (an hour)
  memory                  takes memory until there is no more
  flood [stdout|stderr]   prints without end (stdout)
  flood file              writes one file without end
  flood files             makes files without end

ends badly
  trap                    executes an unreachable instruction
  exit CODE               exits with CODE
  recurse                 calls itself until the stack is gone

looks around
  symlink [TARGET]        makes `escape`, a link to TARGET (/etc/passwd), and reads it
  read FILE               prints FILE
  list FOLDER             prints the names in FOLDER, in the order they come
  write FILE TEXT         writes TEXT to FILE
  print TEXT              prints TEXT
  complain TEXT           prints TEXT on stderr
  echo                    copies standard input to standard output
  env                     prints arguments and environment
  clock                   prints both clocks, in nanoseconds
  random                  prints a random number
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match misbehave(&words) {
        Ok(code) => code,
        Err(refusal) => {
            eprintln!("misfit: {}: {refusal}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn misbehave(words: &[&str]) -> io::Result<ExitCode> {
    match *words {
        ["loop"] => spin(),
        ["sleep"] => std::thread::sleep(Duration::from_secs(3600)),
        ["sleep", seconds] => std::thread::sleep(Duration::from_secs(number(seconds)?)),
        ["memory"] => hoard(),
        ["flood"] | ["flood", "stdout"] => flood(&mut io::stdout().lock())?,
        ["flood", "stderr"] => flood(&mut io::stderr().lock())?,
        ["flood", "file"] => flood(&mut fs::File::create("flood")?)?,
        ["flood", "files"] => litter()?,
        ["trap"] => trap(),
        ["exit", code] => return Ok(ExitCode::from(number::<u8>(code)?)),
        ["recurse"] => println!("{}", recurse(1)),
        ["symlink"] => escape("/etc/passwd")?,
        ["symlink", target] => escape(target)?,
        ["read", file] => io::stdout().write_all(&fs::read(file)?)?,
        ["list", folder] => {
            for entry in fs::read_dir(folder)? {
                println!("{}", entry?.file_name().to_string_lossy());
            }
        }
        ["write", file, text] => fs::write(file, text)?,
        ["print", text] => println!("{text}"),
        ["complain", text] => eprintln!("{text}"),
        ["echo"] => echo()?,
        ["env"] => surroundings(),
        ["clock"] => clocks(),
        ["random"] => println!("{}", RandomState::new().hash_one(0)),
        _ => {
            eprint!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a number in range"))
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Takes memory a mebibyte at a time and touches it, until the allocator aborts the program.
fn hoard() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(vec![1; 1 << 20]);
        std::hint::black_box(&hoard);
    }
}

fn flood(sink: &mut dyn Write) -> io::Result<()> {
    let water = [b"all work and no play makes a dull task\n".as_slice(); 256].concat();
    loop {
        sink.write_all(&water)?;
    }
}

fn litter() -> io::Result<()> {
    for piece in 0_u64.. {
        fs::write(format!("litter-{piece}"), b"")?;
    }
    Ok(())
}

#[cfg(target_arch = "wasm32")]
fn trap() {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() {
    std::process::abort()
}

fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + std::hint::black_box(frame)[0] }
}

/// Makes a link called `escape` and reads what it leads to.
fn escape(target: &str) -> io::Result<()> {
    link(target, "escape")?;
    println!("linked escape to {target}");
    io::stdout().write_all(&fs::read("escape")?)
}

#[expect(unsafe_code, reason = "std's symlink for WASI is unstable; libc's is there on both targets")]
fn link(target: &str, name: &str) -> io::Result<()> {
    use std::ffi::{CString, c_char, c_int};
    // SAFETY: POSIX's prototype, in the libc that std already links.
    unsafe extern "C" {
        fn symlink(target: *const c_char, name: *const c_char) -> c_int;
    }
    let (target, name) = (CString::new(target)?, CString::new(name)?);
    // SAFETY: both are NUL-terminated and outlive the call.
    match unsafe { symlink(target.as_ptr(), name.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn echo() -> io::Result<()> {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    io::stdout().write_all(&text)
}

fn surroundings() {
    for argument in std::env::args().skip(1) {
        println!("argument {argument}");
    }
    let mut variables: Vec<(String, String)> = std::env::vars().collect();
    variables.sort();
    for (name, value) in variables {
        println!("{name}={value}");
    }
}

fn clocks() {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let start = Instant::now();
    println!("wall {wall}");
    println!("elapsed {}", start.elapsed().as_nanos());
}
