//! `hands explain`: why a job, a worker or a task does not go on, and what would help.

use crate::attach::{ExchangeArgs, Needs, attach};
use crate::commands::Context;
use crate::commands::job::{Found, JobName};
use crate::describe::{count, short, short_time};
use crate::exit::Exit;
use crate::listing::Format;
use crate::terminal::say;
use crate::wallet;
use api::explain::{Attempt, Explain, ExplainTask, ExplainWorker};
use clap::Args;
use std::time::Duration;
use units::{Address, TaskId, Timestamp};

/// Say why a job, order, task or worker does not go on, and what would help
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hands explain 0x3fa9                  a job or request order
    20 tasks wait: no offer of computing fits: it asks more than the request pays
      8 offers for 320 tasks: it asks more than the request pays
      try: +3.00 credits a task (--max-price 8.00): 12 machines now
  hands explain 0x77b0…                 a task: every machine's part in it, and why it ended
  hands explain --worker 0xA0F1…        why a machine has nothing to do")]
pub(crate) struct ExplainArgs {
    /// A job's, order's or task's id, or the beginning of a job's that was submitted from here.
    #[arg(value_name = "ID", required_unless_present = "worker", conflicts_with = "worker")]
    id: Option<String>,
    /// Explains a worker instead.
    #[arg(long, value_name = "ADDRESS")]
    worker: Option<Address>,
    #[command(flatten)]
    exchange: ExchangeArgs,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(context: &Context, args: ExplainArgs) -> anyhow::Result<Exit> {
    let Some(id) = args.id else { return worker(context, &args).await };
    let found = JobName::new(id, args.exchange).find(context, Needs::Answers).await?;
    let explained = request(&found).await;
    let task = match &explained {
        Err(client::Error::Refused { status: 404, .. }) => {
            found.attached.client.explain_task(TaskId(found.id.0)).await.ok()
        }
        Ok(_) | Err(_) => None,
    };
    found.attached.close().await;
    match task {
        Some(task) => show_task(&task, args.format),
        None => show(&explained?, args.format),
    }
}

/// A request order that was placed by itself is no job.
async fn request(found: &Found) -> Result<Explain, client::Error> {
    match found.attached.client.explain(found.id).await {
        Err(client::Error::Refused { status: 404, .. }) => found.attached.client.explain_order(found.id).await,
        explained => explained,
    }
}

async fn worker(context: &Context, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let address = args.worker.expect("without an id there is a worker");
    let key = wallet::load(&context.home)?;
    let attached = attach(&context.home, &key, &args.exchange, Needs::Answers).await?;
    let explained = attached.client.explain_worker(address).await;
    attached.close().await;
    show_worker(&explained?, args.format)
}

pub(crate) fn show(explain: &Explain, format: Format) -> anyhow::Result<Exit> {
    if format.json {
        format.one(explain, &[])?;
        return Ok(Exit::Done);
    }
    lines(explain).iter().for_each(say);
    Ok(Exit::Done)
}

/// What is said of a request to a person.
fn lines(explain: &Explain) -> Vec<String> {
    let Explain { matched, running, provisional, finished, waiting, .. } = explain;
    let mut lines = vec![explain.summary.clone()];
    if *matched > 0 {
        lines.push(format!(
            "  {matched} bought: {finished} ended, {provisional} provisional, {running} at work; {waiting} to be bought"
        ));
    }
    for cause in &explain.causes {
        let offers = match cause.tasks {
            0 => count(cause.count, "offer"),
            tasks => format!("{} for {}", count(cause.count, "offer"), count(tasks, "task")),
        };
        lines.push(format!("  {offers}: {}", cause.detail));
    }
    for cause in &explain.standing {
        let what = if cause.code == "quarantined" { "machine" } else { "task" };
        lines.push(format!("  {} {}", count(cause.count, what), cause.detail));
    }
    match (&explain.advice, explain.fixes.first()) {
        (Some(advice), first) if first.is_none_or(|fix| fix.words != *advice) => lines.push(format!("  try: {advice}")),
        (Some(_) | None, _) => {}
    }
    for (number, fix) in explain.fixes.iter().enumerate() {
        let word = if number == 0 { "try:" } else { " or:" };
        lines.push(format!("  {word} {}", fix.words));
    }
    lines
}

fn show_worker(explain: &ExplainWorker, format: Format) -> anyhow::Result<Exit> {
    if format.json {
        format.one(explain, &[])?;
        return Ok(Exit::Done);
    }
    say(format_args!("{}: {}", short(explain.worker), explain.summary));
    if let Some(advice) = &explain.advice {
        say(format_args!("  try: {advice}"));
    }
    Ok(Exit::Done)
}

fn show_task(explain: &ExplainTask, format: Format) -> anyhow::Result<Exit> {
    if format.json {
        format.one(explain, &[])?;
        return Ok(Exit::Done);
    }
    say(format_args!("task {} of deal {}: {}", explain.index, short(explain.deal), explain.summary));
    if !explain.attempts.is_empty() {
        let columns = ["role", "machine", "state", "fetch", "run", "why"];
        format.list(&explain.attempts, &columns, "", |part| cells(part).to_vec())?;
    }
    Ok(Exit::Done)
}

/// A row of a task's table: its clocks are the time to fetch and the time to run.
fn cells(part: &Attempt) -> [String; 6] {
    let until = part.stated.or(part.ended);
    let took = |from: Timestamp, to: Option<Timestamp>| {
        to.map_or_else(|| "…".to_owned(), |to| short_time(Duration::from_millis(to.0.saturating_sub(from.0))))
    };
    [
        part.role.clone(),
        part.worker.map_or_else(|| "hidden".to_owned(), short),
        part.state.clone(),
        took(part.granted, part.running.or(until)),
        part.running.map_or_else(String::new, |running| took(running, until)),
        part.words.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::explain::{Cause, Fix};
    use units::OrderHash;

    #[test]
    fn a_person_reads_the_causes_then_the_fixes_nearest_first() {
        let cause = |code: &str, count, tasks, detail: &str| Cause {
            code: code.to_owned(),
            count,
            tasks,
            detail: detail.to_owned(),
        };
        let fix = |words: &str| Fix {
            changes: Vec::new(),
            matched: 1,
            offers: 1,
            tasks: 1,
            machines: None,
            words: words.to_owned(),
        };
        let explain = Explain {
            order: OrderHash::default(),
            matched: 12,
            running: 2,
            provisional: 1,
            finished: 7,
            waiting: 8,
            summary: "no offer of computing fits: it asks more than the request pays".to_owned(),
            causes: vec![cause("too_dear", 8, 320, "it asks more than the request pays")],
            standing: vec![
                cause("untouched", 2, 2, "wait for a machine"),
                cause("quarantined", 1, 0, "quarantined for having failed it"),
            ],
            fixes: vec![fix("+3.00 credits a task: 12 machines now"), fix("lower --trust to 10: 40 machines now")],
            advice: Some("+3.00 credits a task: 12 machines now".to_owned()),
        };
        insta::assert_snapshot!(lines(&explain).join("\n"), @r"
        no offer of computing fits: it asks more than the request pays
          12 bought: 7 ended, 1 provisional, 2 at work; 8 to be bought
          8 offers for 320 tasks: it asks more than the request pays
          2 tasks wait for a machine
          1 machine quarantined for having failed it
          try: +3.00 credits a task: 12 machines now
           or: lower --trust to 10: 40 machines now
        ");
    }

    #[test]
    fn a_tasks_clocks_are_the_time_to_fetch_and_the_time_to_run() {
        let part = Attempt {
            role: "replica".to_owned(),
            state: "stated".to_owned(),
            worker: None,
            granted: Timestamp(1_000),
            running: Some(Timestamp(1_250)),
            stated: Some(Timestamp(4_450)),
            ended: None,
            why: None,
            words: "its result is stated, and waits to be judged".to_owned(),
        };
        let cells = cells(&part);
        assert_eq!((cells[1].as_str(), cells[3].as_str(), cells[4].as_str()), ("hidden", "250 ms", "3.2 s"));
    }
}
