//! Judges asked again, by whoever has an exchange's data folder: what the audit holds the journal's words against.
//!
//! The folder is only read, also while an exchange runs in it; a file counts only if it is what its name says.

use super::STACK_BYTES;
use super::question::{Unasked, spec};
use api::params::{Check, Params};
use journal::{Again, Heard};
use results::Failure;
use sandbox::{Case, Control, Input, Open, Program, Sandbox, Verdict};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use units::Digest;

/// So much of a file is hashed at once.
const PIECE_BYTES: usize = 1 << 18;

/// What asks judges again.
#[derive(Debug)]
pub struct Retrial {
    blobs: PathBuf,
    /// Where programs are compiled and run.
    folder: PathBuf,
    sandbox: Option<Sandbox>,
    /// Files that were looked for, and whether they are here and whole.
    found: BTreeMap<Digest, bool>,
}

impl Retrial {
    /// Asks about what a data folder's blobs are; `scratch` is a folder of the caller's own.
    #[must_use]
    pub fn of(data_dir: &Path, scratch: &Path) -> Self {
        let (blobs, folder) = (data_dir.join("blobs"), scratch.to_owned());
        Self { blobs, folder, sandbox: None, found: BTreeMap::new() }
    }

    /// What the judge says now of what it was asked then.
    pub fn ask(&mut self, heard: &Heard) -> Again {
        match self.try_ask(heard) {
            Ok(Verdict::Good) => Again::Good,
            Ok(Verdict::Wrong) => Again::Wrong,
            Ok(Verdict::Open(Open::Failed(Failure::TimeLimit))) => Again::NotAsked,
            Ok(Verdict::Open(Open::Said | Open::Failed(_) | Open::NoWord | Open::NoTree)) => Again::Open,
            Err(error) => {
                let task = heard.task;
                tracing::debug!(%task, error = &error as &dyn std::error::Error, "a judge cannot be asked again");
                Again::NotAsked
            }
        }
    }

    fn try_ask(&mut self, heard: &Heard) -> Result<Verdict, Unasked> {
        let params = Params::parse(&heard.params)?;
        let (judge, args) = params.check().and_then(Check::judge).ok_or(Unasked::NoJudge)?;
        let table = params.table().map(|table| self.find(table)).transpose()?;
        let spec = spec(&params, heard.index, table.as_deref())?;
        let module = std::fs::read(self.find(judge)?).map_err(|_| Unasked::Missing(judge))?;
        let input =
            |this: &mut Self, it: &api::params::Input| Ok(Input { name: it.name.clone(), file: this.find(it.digest)? });
        let case = Case {
            judge: Program::from_bytes(module),
            args: args.to_vec(),
            inputs: spec.inputs.iter().map(|it| input(self, it)).collect::<Result<_, Unasked>>()?,
            task_args: spec.args,
            result: self.find(heard.blob)?,
            other: heard.other.map(|first| self.find(first.blob)).transpose()?,
            time: sandbox::JUDGE_TIME,
            control: Control::new(),
        };
        let sandbox = self.sandbox()?;
        let judging = std::thread::Builder::new().name("judge".to_owned()).stack_size(STACK_BYTES);
        std::thread::scope(|scope| {
            let judging = judging.spawn_scoped(scope, || sandbox.judge(&case)).map_err(Unasked::Thread)?;
            Ok(judging.join().expect("a judge runs in the sandbox, which does not panic")?)
        })
    }

    fn sandbox(&mut self) -> Result<&Sandbox, Unasked> {
        if self.sandbox.is_none() {
            self.sandbox = Some(Sandbox::open(&self.folder.join("programs"), &self.folder.join("scratch"))?);
        }
        Ok(self.sandbox.as_ref().expect("opened just now"))
    }

    /// A blob's place, where it is here and what its name says.
    fn find(&mut self, digest: Digest) -> Result<PathBuf, Unasked> {
        let path = blobs::path_in(&self.blobs, &digest);
        let whole = *self.found.entry(digest).or_insert_with(|| digest_of(&path).is_ok_and(|found| found == digest));
        if whole { Ok(path) } else { Err(Unasked::Missing(digest)) }
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Digest::from(<[u8; 32]>::from(hash.finalize()))),
            read => hash.update(&piece[..read]),
        }
    }
}
