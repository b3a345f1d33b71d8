//! What is made of results as they come: pictures on a contact sheet, in the terminal and in a file that grows; hits held
//! against themselves.

use super::errand::Errand;
use super::planner::{Proof, Workshop};
use super::{Known, planner};
use crate::home::Home;
use crate::job_record::JobRecord;
use crate::progress::Progress;
use crate::terminal::{is_watched, note};
use anyhow::Context as _;
use gallery::{Frame, Protocol, Sheet};
use manifest::{Check, Task, TaskOf};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The picture of all pictures.
const SHEET: &str = "contact-sheet.png";
/// The least time between two of its versions.
const REDRAW: Duration = Duration::from_secs(1);
/// Lines and columns of a terminal that it takes, at most.
const LINES: usize = 18;
const COLUMNS: usize = 100;

/// Looks at results as they come.
#[derive(Debug)]
pub(crate) struct Onlooker {
    app: Known,
    arguments: Map<String, Value>,
    tasks: Vec<Task>,
    out: PathBuf,
    workshop: Option<Workshop>,
    album: Option<Album>,
}

/// The pictures that are there.
#[derive(Debug)]
struct Album {
    sheet: Sheet,
    /// Each task's cell.
    cells: Vec<usize>,
    /// Those that are not final, by task.
    provisional: BTreeMap<u64, PathBuf>,
    changed: bool,
    drawn: Option<Instant>,
}

impl Onlooker {
    /// For a job that is part of an errand: with all that is there already.
    pub(crate) fn open(home: &Home, record: &JobRecord) -> anyhow::Result<Option<Self>> {
        let Some(errand) = Errand::of(home, record)? else { return Ok(None) };
        let app = errand.app(home)?;
        let arguments = errand.said.arguments.clone();
        let mut onlooker = Self::new(home, app, arguments, errand.tasks.clone(), errand.out.clone())?;
        for job in [errand.trial, errand.job].into_iter().flatten() {
            let Some(record) = JobRecord::load(home, job)? else { continue };
            for (number, files) in record.placed(home)? {
                onlooker.picture(number, &files, false);
            }
        }
        Ok(Some(onlooker))
    }

    /// For these tasks, of which nothing is there.
    pub(crate) fn new(
        home: &Home,
        app: Known,
        arguments: Map<String, Value>,
        tasks: Vec<Task>,
        out: PathBuf,
    ) -> anyhow::Result<Self> {
        let proves = matches!(app.manifest.check, Check::SelfProving { .. });
        let workshop = proves.then(|| Workshop::open(home)).transpose()?;
        let album = app.manifest.pictures.then(|| Album::new(&tasks));
        Ok(Self { app, arguments, tasks, out, workshop, album })
    }

    /// Looks at what a task left: where it was put, by what the program called it. What a prover says of it, where there is one.
    pub(crate) async fn placed(
        &mut self,
        number: u64,
        files: &[(String, String)],
        provisional: bool,
    ) -> anyhow::Result<Option<Proof>> {
        let own: Vec<String> = files.iter().map(|(_, to)| to.clone()).collect();
        self.picture(number, &own, provisional);
        let (Some(workshop), Check::SelfProving { wasm, .. }) = (&self.workshop, &self.app.manifest.check) else {
            return Ok(None);
        };
        let task = usize::try_from(number).ok().and_then(|number| self.tasks.get(number));
        let task = task.context("a result of a task that was not planned")?;
        let of = TaskOf { name: task.name.clone(), args: task.args.clone() };
        let files: Vec<(String, PathBuf)> = files
            .iter()
            .filter(|(from, _)| !from.is_empty())
            .map(|(from, to)| (from.clone(), self.out.join(to)))
            .collect();
        let (workshop, app, wasm, arguments) =
            (workshop.clone(), self.app.clone(), wasm.clone(), self.arguments.clone());
        let proving = tokio::task::spawn_blocking(move || workshop.prove(&app, &wasm, &arguments, of, &files));
        proving.await?.map(Some)
    }

    /// Whether a first proof is all that is wanted.
    pub(crate) fn first_is_enough(&self) -> bool {
        matches!(self.app.manifest.check, Check::SelfProving { first_is_enough: true, .. })
    }

    /// A result has become final.
    pub(crate) fn confirmed(&mut self, number: u64) {
        let Some(album) = &mut self.album else { return };
        if let Some(file) = album.provisional.remove(&number) {
            album.put(number, &file, false);
        }
    }

    fn picture(&mut self, number: u64, files: &[String], provisional: bool) {
        let Some(album) = &mut self.album else { return };
        if let Some(file) = files.iter().find(|file| file.ends_with(".png")) {
            album.put(number, &self.out.join(file), provisional);
        }
    }

    /// Shows the sheet as it stands, if it is time to.
    pub(crate) fn show(&mut self, progress: &Progress, last: bool) {
        let Some(album) = &mut self.album else { return };
        let due = album.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW);
        if !album.changed || !(due || last) {
            return;
        }
        album.changed = false;
        album.drawn = Some(Instant::now());
        match album.draw(&self.out, progress) {
            Ok(()) => {}
            // Whoever renders wants the frames; the sheet is a courtesy.
            Err(error) => progress.note(format_args!("the contact sheet cannot be shown: {error:#}")),
        }
    }

    /// Says where the sheet is.
    pub(crate) fn tell(&self) {
        if self.album.as_ref().is_some_and(|album| album.drawn.is_some()) {
            note(format_args!("contact sheet: {}", self.out.join(SHEET).display()));
        }
    }
}

impl Album {
    fn new(tasks: &[Task]) -> Self {
        // Those that are tried come first among the tasks; on the sheet all lie in the order of their names.
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|task| (tasks[*task].name.len(), tasks[*task].name.clone()));
        let mut cells = vec![0; tasks.len()];
        for (cell, task) in order.into_iter().enumerate() {
            cells[task] = cell;
        }
        Self { sheet: Sheet::new(tasks.len()), cells, provisional: BTreeMap::new(), changed: false, drawn: None }
    }

    fn put(&mut self, number: u64, file: &Path, provisional: bool) {
        let cell = usize::try_from(number).ok().and_then(|number| self.cells.get(number)).copied();
        let picture = std::fs::read(file).ok().and_then(|bytes| Frame::from_png(&bytes).ok());
        let (Some(cell), Some(picture)) = (cell, picture) else { return };
        self.sheet.put(cell, &picture, provisional);
        self.changed = true;
        if provisional {
            self.provisional.insert(number, file.to_owned());
        }
    }

    fn draw(&self, out: &Path, progress: &Progress) -> anyhow::Result<()> {
        let sheet = self.sheet.frame()?;
        let target = out.join(SHEET);
        let part = out.join(format!(".{SHEET}.part"));
        std::fs::write(&part, gallery::to_png(&sheet)?).and_then(|()| std::fs::rename(&part, &target))?;
        if is_watched() {
            let protocol = Protocol::detect(|name| std::env::var(name).ok());
            let (text, lines) = protocol.show(&sheet, COLUMNS, LINES)?;
            progress.picture(&text, lines);
        }
        Ok(())
    }
}

/// What a prover said, in words, where there is something to say.
pub(crate) fn tell_proof(progress: &Progress, name: &str, proof: Proof) {
    match proof {
        Proof::Proved => progress.note(format_args!("{}: found, and proved here", planner::plain(name))),
        Proof::Wrong => progress.note(format_args!("{}: the result proves to be wrong", planner::plain(name))),
        Proof::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of one colour, as a file.
    fn frame(folder: &Path, name: &str, colour: [u8; 3]) {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 8, 8);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&colour.repeat(64)).unwrap();
        std::fs::write(folder.join(name), file).unwrap();
    }

    #[test]
    fn the_contact_sheets_file_grows_with_each_picture_and_changes_when_one_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_owned();
        let (catalog, _) = crate::apps::Catalog::open(None);
        let app = catalog.get("render").unwrap().clone();
        let task = |name: &str| Task { name: name.to_owned(), args: Vec::new(), files: Vec::new() };
        let tasks = ["0001.png", "0002.png"].map(task).to_vec();
        let album = Some(Album::new(&tasks));
        let arguments = Map::new();
        let mut onlooker = Onlooker { app, arguments, tasks, out: out.clone(), workshop: None, album };
        let progress = Progress::new(2);
        let sheet = || std::fs::read(out.join(SHEET)).ok();
        onlooker.show(&progress, true);
        assert_eq!(sheet(), None, "nothing is there yet");
        let mut versions = Vec::new();
        for (number, name, colour, provisional) in
            [(0, "0001.png", [255, 0, 0], false), (1, "0002.png", [0, 0, 255], true)]
        {
            frame(&out, name, colour);
            onlooker.picture(number, &[name.to_owned()], provisional);
            onlooker.show(&progress, true);
            versions.push(sheet().unwrap());
        }
        onlooker.confirmed(1);
        onlooker.show(&progress, true);
        versions.push(sheet().unwrap());
        let sheets: Vec<Frame> = versions.iter().map(|file| Frame::from_png(file).unwrap()).collect();
        assert!(
            sheets.windows(2).all(|pair| pair[0].width() == pair[1].width()),
            "it has its shape from the beginning"
        );
        assert!(versions.windows(2).all(|pair| pair[0] != pair[1]), "each picture, and its being verified, is seen");
        // What has not changed is not written again.
        std::fs::remove_file(out.join(SHEET)).unwrap();
        onlooker.show(&progress, true);
        assert_eq!(sheet(), None);
    }
}
