//! From submitting a job of one empty task to its first assignment, its result's statement, and its result at the client.
//!
//! What agents hear and say is seen by a relay between them and the server, which costs one more hop each way; the time
//! to the client's result is also taken without it.

mod relay;
mod way;

use crate::cycles::{Replicas, prepare};
use crate::hosted::{Audits, Hosted};
use crate::plot;
use crate::report::{Repeats, Report, millis};
use anyhow::Context as _;
use relay::{Relay, Seen};
use std::path::Path;
use std::time::Instant;
use way::Trace;

const WARM_UP: u32 = 30;
const SAMPLES: u32 = 300;

pub(crate) fn measure(report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    report.heading("From submitting one empty task (trust 1), warm, one at a time");
    let mut hosted = Hosted::start(&folder.join("relayed"), Audits::Hidden)?;
    let relay = Relay::start(hosted.address())?;
    hosted.hire(&[relay.url(), relay.url()])?;
    let (mut assigned, mut stated) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + SAMPLES {
        relay.forget();
        let began = Instant::now();
        hosted.run(1, 1)?;
        let seen = |what| relay.first(what).context("the relay sees every frame");
        let (at, until) = (seen(Seen::Assigned)?, seen(Seen::Stated)?);
        if number >= WARM_UP {
            assigned.push(millis(at - began));
            stated.push(millis(until - began));
        }
    }
    hosted.stop()?;
    report.tail("submit_to_first_assignment_received", "ms", &Repeats::new(assigned));
    report.tail("submit_to_first_result_stated", "ms", &Repeats::new(stated));

    let mut hosted = Hosted::start(&folder.join("direct"), Audits::Hidden)?;
    hosted.hire_two()?;
    for replicas in [Replicas::One, Replicas::Two] {
        prepare(&hosted, replicas)?;
        let mut times = Vec::new();
        for number in 0..WARM_UP + SAMPLES {
            let took = hosted.run(1, replicas.trust(hosted.audits()))?;
            if number >= WARM_UP {
                times.push(millis(took));
            }
        }
        report.tail(&format!("submit_to_result_at_client_{}", replicas.name()), "ms", &Repeats::new(times));
    }
    waterfall(report, &hosted)?;
    hosted.stop().map(drop)
}

/// The way of the task of median latency, from a trace.
fn waterfall(report: &mut Report, hosted: &Hosted) -> anyhow::Result<()> {
    let trace = Trace::start()?;
    let mut ways = Vec::new();
    for _ in 0..SAMPLES {
        let began = Instant::now();
        let took = hosted.run(1, 1)?;
        ways.push((took, trace.bars(began, began + took)));
    }
    ways.sort_by_key(|(took, _)| *took);
    let (took, mut bars) = ways.swap_remove(ways.len() / 2);
    bars.insert(0, ("submit to result".to_owned(), "client".to_owned(), 0.0, millis(took)));
    report.heading("The way of the task of median latency, ms from its submission");
    for (name, by, from, to) in &bars {
        report.remark(&format!("{by:10} {name:18} {from:8.3} to {to:8.3}  {:8.3}", to - from));
    }
    report.picture(
        "waterfall.svg",
        plot::waterfall("One empty task from submission to result, ms (median of 300)", &bars),
    );
    Ok(())
}
