//! One question to a judge: what it needs is found, the judge is run, its word remembered.

use api::params::{Check, Params, Row, TaskSpec};
use blobs::{Pin, Store};
use market::{Case, Word};
use results::Failure;
use sandbox::{Control, Input, Open, Program, Sandbox, Verdict};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;
use units::Digest;

/// The largest module that judges.
const JUDGE_BYTES: u64 = 64 << 20;
/// Words that are remembered.
const REMEMBERED: usize = 65_536;
/// A judge that passed its time so often in a row is not run again.
const PATIENCE: u32 = 3;

/// What is to be judged, by what the request's params say.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) case: Case,
    pub(super) params: String,
}

/// Why a judge could not be run. Nothing is known then.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unasked {
    /// Its request names none.
    #[error("the request names no judge")]
    NoJudge,
    /// A file is not here.
    #[error("{0} is not here")]
    Missing(Digest),
    /// The params cannot be read.
    #[error("the params cannot be read")]
    Params(#[from] api::params::ParamsError),
    /// A row of the job's table cannot.
    #[error("the job's table has no such row, or it cannot be read")]
    Row,
    /// The sandbox cannot be opened.
    #[error("there is no sandbox")]
    Sandbox(#[from] sandbox::OpenError),
    /// The system gives no thread.
    #[error("there is no thread")]
    Thread(#[source] std::io::Error),
    /// The run failed, by no doing of the judge's.
    #[error("the judge could not be run")]
    Run(#[from] sandbox::RunError),
}

/// Where judges are run.
#[derive(Debug)]
pub(super) struct Bench {
    blobs: Store,
    folder: PathBuf,
    sandbox: Option<Sandbox>,
    said: BTreeMap<Digest, Word>,
    /// In the order in which they were said.
    order: VecDeque<Digest>,
    /// How often in a row a judge passed its time.
    slow: BTreeMap<Digest, u32>,
    /// How long one may take.
    time: Duration,
}

impl Bench {
    pub(super) fn new(blobs: Store, folder: PathBuf) -> Self {
        let (said, order, slow) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
        Self { blobs, folder, sandbox: None, said, order, slow, time: sandbox::JUDGE_TIME }
    }

    /// A judge's word; what cannot be asked decides nothing.
    pub(super) fn answer(&mut self, question: &Question, control: &Control) -> Word {
        match self.ask(question, control) {
            Ok(word) => word,
            Err(error) => {
                let task = question.case.task;
                tracing::warn!(%task, error = &error as &dyn std::error::Error, "a result was not judged");
                Word::Undecided
            }
        }
    }

    fn ask(&mut self, question: &Question, control: &Control) -> Result<Word, Unasked> {
        let params = Params::parse(&question.params)?;
        let (judge, args) = params.check().and_then(Check::judge).ok_or(Unasked::NoJudge)?;
        let table = |digest: Digest| self.blobs.pin(&digest).ok_or(Unasked::Missing(digest));
        let table = params.table().map(table).transpose()?;
        let spec = spec(&params, question.case.index, table.as_ref().map(Pin::path))?;
        let key = key(&question.case, judge, args, &spec);
        if let Some(word) = self.said.get(&key) {
            return Ok(*word);
        }
        if self.slow.get(&judge).is_some_and(|times| *times >= PATIENCE) {
            return Ok(Word::Undecided);
        }
        let module = self.blobs.bytes(&judge, JUDGE_BYTES).map_err(|_| Unasked::Missing(judge))?;
        let pin = |digest: Digest| self.blobs.pin(&digest).ok_or(Unasked::Missing(digest));
        // Without one of them it might say something else than whoever asks it again hears.
        let inputs = spec.inputs.iter().map(|it| Ok((it.name.clone(), pin(it.digest)?)));
        let inputs: Vec<(String, Pin)> = inputs.collect::<Result<_, Unasked>>()?;
        let result = pin(question.case.result.1)?;
        let other = question.case.other.map(|(_, blob)| pin(blob)).transpose()?;
        let case = sandbox::Case {
            judge: Program::from_bytes(module),
            args: args.to_vec(),
            task_args: spec.args,
            inputs: inputs
                .iter()
                .map(|(name, pin)| Input { name: name.clone(), file: pin.path().to_owned() })
                .collect(),
            result: result.path().to_owned(),
            other: other.as_ref().map(|pin| pin.path().to_owned()),
            time: self.time,
            control: control.clone(),
        };
        let verdict = self.sandbox()?.judge(&case)?;
        self.note_time(judge, verdict);
        let word = match verdict {
            Verdict::Good => Word::Good,
            Verdict::Wrong => Word::Bad,
            Verdict::Open(_) => Word::Undecided,
        };
        self.remember(key, word);
        Ok(word)
    }

    fn sandbox(&mut self) -> Result<&Sandbox, Unasked> {
        if self.sandbox.is_none() {
            let scratch = self.folder.join("scratch");
            // What a killed exchange left.
            drop(std::fs::remove_dir_all(&scratch));
            self.sandbox = Some(Sandbox::open(&self.folder.join("programs"), &scratch)?);
        }
        Ok(self.sandbox.as_ref().expect("opened just now"))
    }

    fn note_time(&mut self, judge: Digest, verdict: Verdict) {
        if verdict == Verdict::Open(Open::Failed(Failure::TimeLimit)) {
            let times = self.slow.entry(judge).or_default();
            *times = times.saturating_add(1);
        } else {
            self.slow.remove(&judge);
        }
    }

    fn remember(&mut self, key: Digest, word: Word) {
        self.said.insert(key, word);
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.said.remove(&oldest);
        }
    }
}

/// What a task was asked to do, by the request's params and the file of its table.
pub(super) fn spec(params: &Params, index: u64, table: Option<&Path>) -> Result<TaskSpec, Unasked> {
    let row = match table {
        None => Row::default(),
        Some(table) => {
            let file = File::open(table).map_err(|_| Unasked::Row)?;
            let index = usize::try_from(index).map_err(|_| Unasked::Row)?;
            let line = BufReader::new(file).split(b'\n').nth(index).ok_or(Unasked::Row)?.map_err(|_| Unasked::Row)?;
            serde_json::from_slice(&line).map_err(|_| Unasked::Row)?
        }
    };
    Ok(params.task(&row)?)
}

/// What a word depends on: judge, what it is told, task, results.
fn key(case: &Case, judge: Digest, args: &[String], spec: &TaskSpec) -> Digest {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    put(judge.0.as_slice());
    for words in [args, &spec.args] {
        put(&u64::try_from(words.len()).unwrap_or(u64::MAX).to_be_bytes());
        words.iter().for_each(|word| put(word.as_bytes()));
    }
    for input in &spec.inputs {
        put(input.name.as_bytes());
        put(input.digest.0.as_slice());
    }
    put(case.result.1.0.as_slice());
    put(case.other.map(|(_, blob)| blob.0).unwrap_or_default().as_slice());
    let hash: [u8; 32] = hash.finalize().into();
    Digest::from(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{Address, B256, DealId, TaskId};

    /// A question to a judge on a result that says this, held against one that says something else.
    fn question(blobs: &Store, judge: Digest, said: &str) -> Question {
        let stored = |text: &str| {
            let bytes = results::encode(text.as_bytes(), &BTreeMap::new()).unwrap().0;
            let blob = blobs.put(&bytes).unwrap().digest;
            (blob.0, blob)
        };
        let (task, deal, worker) = (TaskId(B256::ZERO), DealId(B256::ZERO), Address::ZERO);
        let case = Case { task, deal, index: 0, worker, result: stored(said), other: Some(stored("the first")) };
        let params = format!(
            r#"{{"manyhands":{{"version":1,"check":{{"how":"checker","judge":"{judge}","args":["numbers"]}}}}}}"#
        );
        Question { case, params }
    }

    #[test]
    fn a_judge_that_passes_its_time_three_times_is_not_run_again_and_none_of_its_results_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Store::open(folder.path().join("blobs"), None).unwrap();
        let module = |text: &str| blobs.put(&wat::parse_str(text).unwrap()).unwrap().digest;
        let endless = module(r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#);
        let good = blobs.put(bundle::COMPARE).unwrap().digest;
        let mut bench = Bench::new(blobs.clone(), folder.path().join("judges"));
        bench.time = Duration::from_millis(20);
        let ask = |bench: &mut Bench, judge: Digest, said: &str| {
            bench.answer(&question(&blobs, judge, said), &Control::new())
        };
        for (times, said) in [(1, "one"), (2, "two"), (3, "three")] {
            assert_eq!(ask(&mut bench, endless, said), Word::Undecided, "{said}");
            assert_eq!(bench.slow.get(&endless), Some(&times));
        }
        // From now on it is not run, however long it might take.
        bench.time = sandbox::JUDGE_TIME;
        let began = std::time::Instant::now();
        for said in ["four", "five"] {
            assert_eq!(ask(&mut bench, endless, said), Word::Undecided, "{said}");
        }
        assert!(began.elapsed() < sandbox::JUDGE_TIME);
        assert_eq!(bench.slow.get(&endless), Some(&3));
        // Others are.
        assert_eq!(ask(&mut bench, good, "six"), Word::Bad);
    }
}
