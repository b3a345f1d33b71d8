//! What one hung agent costs: each command on an exchange with five agents, as it is, and with one of them stopped (`SIGSTOP`) in the
//! middle of it, its tasks in hand and its connection open.

use super::transcode::{archive, film, places};
use super::{Machine, Running, hands};
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Agents beside the exchange's own worker.
const OTHERS: usize = 4;
/// How often each is measured; the median counts.
const TIMES: usize = 3;
/// Seconds of the film: with these options five agents are busy with its pieces for about a minute on two cores.
const FILM: u32 = 150;
/// How much longer a job may take with a hung agent.
const MOST: f64 = 1.3;
/// A block's header whose nonce lies behind the range that is searched, so that all of it is.
const HEADER: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

/// Measures each command, prints a line of each, and says whether all stay within [`MOST`].
pub(super) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let named = |word: &&str| ["render", "search", "transcode"].contains(word);
    let (names, words): (Vec<&str>, Vec<&str>) = words.iter().copied().partition(named);
    let (folder, images) = places(&words)?;
    let is_wanted = |name: &str| names.is_empty() || names.contains(&name);
    let hands = hands()?.canonicalize()?;
    let lab = folder.join("hung");
    drop(fs::remove_dir_all(&lab));
    let office = Machine::new(&hands, lab.join("office"))?;
    let mut up = office.starts(&["up", "--listen", "127.0.0.1:0", "--workers", "1", "--cores", "1"])?;
    let (url, token) = (up.value("exchange")?, up.value("join token")?);
    let person = Machine::new(&hands, lab.join("person"))?;
    let joined = ["--exchange", url.as_str(), "--join", &token];
    let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apps/scenes");
    for name in ["hands.obj", "hands.mtl"] {
        fs::copy(scenes.join(name), person.work().join(name)).with_context(|| format!("the scene's {name}"))?;
    }
    if is_wanted("transcode") {
        let archive = archive(&images, &hands)?;
        film(&person, &archive, &joined, FILM)?;
        person.shows(&["app", "use", &archive])?;
    }
    let work = ["work", "--exchange", &url, "--join", &token, "--cores", "1"];
    let others = (0..OTHERS).map(|number| {
        let machine = Machine::new(&hands, lab.join(format!("other-{number}")))?;
        let running = machine.starts(&work)?;
        Ok((machine, running))
    });
    let mut others = others.collect::<anyhow::Result<Vec<_>>>()?;
    let commands: [(&str, &[&str]); 3] = [
        (
            "render",
            &["render", "hands.obj", "--frames", "1-60", "--width", "160", "--height", "120", "--samples", "12"],
        ),
        ("search", &["search", HEADER, "--range", "0-79999999", "--piece", "2097152"]),
        ("transcode", &["transcode", "film/film.mp4", "--piece", "2", "--preset", "fast"]),
    ];
    let mut within = true;
    for (name, command) in commands.into_iter().filter(|(name, _)| is_wanted(name)) {
        let command = [command, &["--yes", "--trust", "1"], &joined].concat();
        // One for what is fetched once.
        let mut shortest = timed(&person, &command, None)?;
        let (mut healthy, mut hung) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let whole = timed(&person, &command, None)?;
            shortest = shortest.min(whole);
            healthy.push(whole);
            let (machine, victim) = others.first_mut().context("there are others")?;
            hung.push(timed(&person, &command, Some((victim, shortest / 3)))?);
            println!("{name:10} {:6.1} s, {:6.1} s", whole.as_secs_f64(), hung[hung.len() - 1].as_secs_f64());
            *victim = machine.starts(&work)?;
        }
        let (healthy, hung) = (median(healthy)?, median(hung)?);
        let ratio = hung.as_secs_f64() / healthy.as_secs_f64();
        println!(
            "{name:10} {:6.1} s healthy  {:6.1} s with one hung  {ratio:.2}",
            healthy.as_secs_f64(),
            hung.as_secs_f64()
        );
        within &= ratio <= MOST;
    }
    println!("{}", if within { "all within 1.3" } else { "not all within 1.3" });
    Ok(within)
}

/// Runs a command to its end; where a victim is given, stops it after so long.
fn timed(person: &Machine, words: &[&str], victim: Option<(&Running, Duration)>) -> anyhow::Result<Duration> {
    let out = person.work().join("out");
    drop(fs::remove_dir_all(&out));
    let log = person.work().join("log");
    let said = fs::File::create(&log)?;
    let began = Instant::now();
    let mut command = person.command(&[words, &["--out", "out"]].concat());
    let mut child = command.stdout(said.try_clone()?).stderr(said).spawn()?;
    if let Some((victim, after)) = victim {
        std::thread::sleep(after);
        ensure!(child.try_wait()?.is_none(), "the command was over before its agent could hang");
        let stopped = Command::new("kill").args(["-STOP", &victim.child.id().to_string()]).status()?;
        ensure!(stopped.success(), "the agent could not be stopped");
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("it ended with {status}:\n{}", fs::read_to_string(&log)?);
    }
    Ok(began.elapsed())
}

fn median(mut times: Vec<Duration>) -> anyhow::Result<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("something was measured")
}
