//! Files up and down through the real server, beside raw loopback, SHA-256 and the disk in the same run; and over a long line.

mod line;

use crate::hosted::{Audits, Hosted};
use crate::report::{Repeats, Report};
use anyhow::{Context as _, ensure};
use line::Line;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const REPEATS: u8 = 3;
/// Bytes of a file.
const SIZE: usize = 256 << 20;
/// Bytes of a file that goes over the long line.
const FAR: usize = 256 << 20;
/// What a byte takes from one end of the long line to the other: 100 ms there and back.
const DELAY: Duration = Duration::from_millis(50);
const PIECE: usize = 1 << 20;

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading(&format!("Files of {} MiB, client and server on this machine", SIZE >> 20));
    let (mut loopback, mut hash, mut disk) = (Vec::new(), Vec::new(), Vec::new());
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let hosted = Hosted::start(&folder.join("near"), Audits::Hidden)?;
    for repeat in 0..REPEATS {
        let content = content(repeat, SIZE);
        loopback.push(rate(SIZE, || raw_loopback(&content))?);
        hash.push(rate(SIZE, || {
            std::hint::black_box(results::sha256(&content));
            Ok(())
        })?);
        disk.push(rate(SIZE, || raw_disk(&folder.join("raw"), &content))?);
        let file = place(folder, repeat, &content)?;
        up.push(rate(SIZE, || hosted.upload(&file).map(drop))?);
        let input = hosted.upload(&file)?;
        down.push(rate(SIZE, || {
            let fetched = hosted.download(input.digest)?;
            ensure!(fetched.as_file().metadata()?.len() == SIZE as u64, "the whole file came");
            Ok(())
        })?);
    }
    let floors = [("loopback", &loopback), ("sha256", &hash), ("disk_written_durably", &disk)];
    let mut slowest = f64::MAX;
    for (name, rates) in floors {
        let rates = Repeats::new(rates.clone());
        slowest = slowest.min(rates.median());
        report.median(&format!("transfer_floor_{name}_megabytes_per_s"), &rates);
    }
    for (name, rates) in [("up", up), ("down", down)] {
        let rates = Repeats::new(rates);
        report.median(&format!("transfer_{name}_megabytes_per_s"), &rates);
        report.figure(&format!("transfer_{name}_percent_of_slowest_floor"), 100.0 * rates.median() / slowest);
    }
    hosted.stop()?;
    far(report, folder)
}

/// The same over a line of 100 ms there and back.
fn far(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading(&format!("Files of {} MiB, 100 ms there and back", FAR >> 20));
    let hosted = Hosted::start(&folder.join("far"), Audits::Hidden)?;
    let line = hosted.on_servers_threads(Line::to(hosted.address(), DELAY))?;
    let client = hosted.requester_at(&format!("http://{}", line.address))?;
    let file = place(folder, 100, &content(100, FAR))?;
    let mut input = None;
    let up = rate(FAR, || {
        input = Some(hosted.with(client.upload(&file))?);
        Ok(())
    })?;
    let input = input.context("the file was sent")?;
    report.figure("transfer_far_up_megabits_per_s", 8.0 * up);
    let before = line.passed();
    hosted.with(client.upload(&file))?;
    report.figure("transfer_second_up_bytes", (line.passed() - before) as f64);
    let down = rate(FAR, || hosted.with(client.download(input.digest)).map(drop))?;
    report.figure("transfer_far_down_megabits_per_s", 8.0 * down);
    hosted.stop().map(drop)
}

/// Megabytes a second.
fn rate(bytes: usize, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let began = Instant::now();
    run()?;
    Ok(bytes as f64 / 1e6 / began.elapsed().as_secs_f64())
}

/// Bytes of which no two files have many in common.
fn content(seed: u8, size: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_add(1);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn place(folder: &Path, number: u8, content: &[u8]) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("file-{number}"));
    fs::write(&path, content)?;
    Ok(path)
}

fn raw_loopback(content: &[u8]) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| TcpStream::connect(address)?.write_all(content));
        let (mut stream, _) = listener.accept()?;
        let (mut piece, mut got) = (vec![0; PIECE], 0);
        loop {
            match stream.read(&mut piece)? {
                0 => break,
                read => got += read,
            }
        }
        sender.join().expect("sending does not panic")?;
        ensure!(got == content.len(), "the whole content came");
        Ok(())
    })
}

fn raw_disk(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut file = File::create(path)?;
    for piece in content.chunks(PIECE) {
        file.write_all(piece)?;
    }
    file.sync_all()?;
    Ok(())
}
