//! From submitting a job of one empty task to its first assignment, its result's statement, and its result at the client.
//!
//! What agents hear and say is seen by a relay between them and the server, which costs one more hop each way; the time
//! to the client's result is also taken without it.

mod relay;

use crate::cycles::{Replicas, prepare};
use crate::hosted::{Audits, Hosted};
use crate::report::{Repeats, Report, millis};
use anyhow::Context as _;
use relay::{Relay, Seen};
use std::path::Path;
use std::time::Instant;

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
            let took = hosted.run(1, replicas.trust())?;
            if number >= WARM_UP {
                times.push(millis(took));
            }
        }
        report.tail(&format!("submit_to_result_at_client_{}", replicas.name()), "ms", &Repeats::new(times));
    }
    hosted.stop().map(drop)
}
