//! A manifest: what an app is, how its command line reads, and which of its programs split, check and join a job.

use crate::argument::{Argument, is_name};
use crate::reader::{Fields, Mistakes, Reader};

/// The most of a name.
const NAME_CHARS: usize = 32;
/// The most of an image's name or file.
const IMAGE_NAME_CHARS: usize = 64;
/// The most tasks that are tried first.
const MOST_PROBES: u64 = 3;

/// What an app says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The word that a person types after `hands`.
    pub name: String,
    /// Its version, three numbers.
    pub version: String,
    /// What it does, in a line.
    pub about: String,
    /// More on it, for its own help.
    pub details: String,
    /// Command lines to learn from.
    pub examples: Vec<String>,
    /// What tasks run; at least one.
    pub programs: Vec<Program>,
    /// What a person may say.
    pub arguments: Vec<Argument>,
    /// The planner's file.
    pub split: String,
    /// How many tasks are tried first, at most.
    pub probes: usize,
    /// How a result is held to be right.
    pub check: Check,
    /// The joiner's file, if results are joined.
    pub join: Option<String>,
    /// What holds what was joined to be right: words that the plan's program is run with; none: nothing does.
    pub join_check: Vec<String>,
    /// Whether results are pictures (PNG) that are shown as they come.
    pub pictures: bool,
}

/// What tasks run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// How a plan names it.
    pub name: String,
    /// What it is.
    pub source: Source,
}

/// What a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A WebAssembly file of the app's folder.
    Wasm(String),
    /// A container image.
    Image(ImageSource),
}

/// Where a container image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// In a registry, by its digest: `registry/name@sha256:…`.
    Pinned(String),
    /// An archive's file in the app's folder.
    Archive(String),
    /// What the person says is called so, else what the exchange's operator publishes under this name.
    Named(String),
}

impl ImageSource {
    /// As a manifest writes it; none where that is no image.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.contains('@') {
            return is_pinned(text).then(|| Self::Pinned(text.to_owned()));
        }
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-_".contains(letter);
        let is_name = text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(plain);
        match is_name && text.len() <= IMAGE_NAME_CHARS {
            true if text.ends_with(".tar") => Some(Self::Archive(text.to_owned())),
            true => Some(Self::Named(text.to_owned())),
            false => None,
        }
    }
}

impl std::fmt::Display for ImageSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Pinned(text) | Self::Archive(text) | Self::Named(text)) = self;
        f.write_str(text)
    }
}

/// How a result is held to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Equal bytes on every machine.
    Exact,
    /// Equal bytes on machines of one class.
    Homogeneous,
    /// A WebAssembly file says whether two results are as good as equal.
    Checker {
        /// The file.
        wasm: String,
        /// What it is told beside: bounds, say.
        args: Vec<String>,
    },
    /// A WebAssembly file sees from a result alone whether it is right.
    SelfProving {
        /// The file.
        wasm: String,
        /// What it is told beside.
        args: Vec<String>,
        /// Whether the job is over with the first result that is proved.
        first_is_enough: bool,
    },
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// All [`Mistakes`], each with its line.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let document = Reader::document(text)?;
        let mut reader = Reader::new(text);
        let root = Fields::root(&document);
        let keys = [
            "name", "version", "about", "details", "examples", "program", "argument", "split", "probe", "check",
            "join", "preview",
        ];
        reader.closed(root, &keys);
        let name = app_name(&mut reader, root);
        let version = version(&mut reader, root);
        let about = reader.needed(root, "about", "Render the frames of a scene");
        let details = reader.text(root, "details").unwrap_or_default();
        let examples = reader.texts(root, "examples");
        let programs = programs(&mut reader, root);
        let arguments = Argument::read_all(&mut reader, root);
        let split = role(&mut reader, root, "split", "[split]", true);
        let join = role(&mut reader, root, "join", "[join]", false);
        let join_check = reader.part(root, "join", "[join]").map_or_else(Vec::new, |part| reader.texts(part, "check"));
        let probes = probes(&mut reader, root);
        let check = check(&mut reader, root);
        let pictures = pictures(&mut reader, root);
        let made = (|| {
            let probes = usize::try_from(probes).ok()?;
            Some(Self {
                name: name?,
                version: version?,
                about: about?,
                details,
                examples,
                programs,
                arguments,
                split: split?,
                probes,
                check: check?,
                join,
                join_check,
                pictures,
            })
        })();
        reader.finish(made)
    }

    /// The WebAssembly files of the app's folder that it names, each once.
    #[must_use]
    pub fn files(&self) -> Vec<&str> {
        let mut files = vec![self.split.as_str()];
        files.extend(self.programs.iter().filter_map(|program| match &program.source {
            Source::Wasm(file) => Some(file.as_str()),
            Source::Image(_) => None,
        }));
        files.extend(self.join.as_deref());
        files.extend(self.check.wasm());
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Those of its files that run on the requester's machine: planner, joiner, judge.
    #[must_use]
    pub fn own_files(&self) -> Vec<&str> {
        let mut files = vec![self.split.as_str()];
        files.extend(self.join.as_deref());
        files.extend(self.check.wasm());
        files.sort_unstable();
        files.dedup();
        files
    }

    /// The archives of images in the app's folder that it names.
    #[must_use]
    pub fn archives(&self) -> Vec<&str> {
        let archive = |program: &'_ Program| match &program.source {
            Source::Image(ImageSource::Archive(_)) => true,
            Source::Image(ImageSource::Pinned(_) | ImageSource::Named(_)) | Source::Wasm(_) => false,
        };
        let mut files: Vec<&str> = self.programs.iter().filter(|program| archive(program)).map(Program::text).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// The program that a plan names; the first where it names none.
    #[must_use]
    pub fn program(&self, name: Option<&str>) -> Option<&Program> {
        match name {
            None => self.programs.first(),
            Some(name) => self.programs.iter().find(|program| program.name == name),
        }
    }
}

impl Program {
    /// What its source is called in the manifest.
    fn text(&self) -> &str {
        match &self.source {
            Source::Wasm(text)
            | Source::Image(ImageSource::Pinned(text) | ImageSource::Archive(text) | ImageSource::Named(text)) => text,
        }
    }
}

impl Check {
    /// The file that judges, if one does.
    #[must_use]
    pub fn wasm(&self) -> Option<&str> {
        match self {
            Self::Exact | Self::Homogeneous => None,
            Self::Checker { wasm, .. } | Self::SelfProving { wasm, .. } => Some(wasm),
        }
    }

    /// What that file is told beside.
    #[must_use]
    pub fn args(&self) -> &[String] {
        match self {
            Self::Exact | Self::Homogeneous => &[],
            Self::Checker { args, .. } | Self::SelfProving { args, .. } => args,
        }
    }

    /// As a manifest writes it.
    #[must_use]
    pub fn how(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Homogeneous => "homogeneous",
            Self::Checker { .. } => "checker",
            Self::SelfProving { .. } => "self-proving",
        }
    }
}

fn app_name<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> Option<String> {
    let name = reader.needed(root, "name", "resize")?;
    if !is_name(&name) || name.len() > NAME_CHARS {
        let what = format!("`{name}` is no name: small letters, digits and `-`, a letter first, at most {NAME_CHARS}");
        reader.wrong(root.line("name"), what);
        return None;
    }
    Some(name)
}

fn version<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> Option<String> {
    let version = reader.needed(root, "version", "0.1.0")?;
    let numbers: Vec<&str> = version.split('.').collect();
    if numbers.len() != 3 || numbers.iter().any(|number| number.parse::<u32>().is_err()) {
        reader.wrong(root.line("version"), format!("`{version}` is no version: three numbers, as in \"0.1.0\""));
        return None;
    }
    Some(version)
}

fn programs<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> Vec<Program> {
    let parts = reader.parts(root, "program", "[[program]]");
    if parts.is_empty() && !root.has("program") {
        reader.wrong(0, "there is no [[program]]: an app has at least one that its tasks run");
    }
    let mut programs: Vec<Program> = Vec::new();
    for part in parts {
        reader.closed(part, &["name", "wasm", "image"]);
        let name = reader.needed(part, "name", "main");
        let (wasm, image) = (wasm(reader, part, false), reader.text(part, "image"));
        let source = match (wasm, image) {
            (Some(wasm), None) => Some(Source::Wasm(wasm)),
            (None, Some(image)) => {
                let image = ImageSource::read(&image);
                if image.is_none() {
                    reader.wrong(part.line("image"), NO_IMAGE);
                }
                image.map(Source::Image)
            }
            (None, None) if part.has("wasm") => None,
            (Some(_), Some(_)) | (None, None) => {
                reader
                    .wrong(part.at(), "a program is either wasm = \"file.wasm\" or image = \"registry/name@sha256:…\"");
                None
            }
        };
        let (Some(name), Some(source)) = (name, source) else { continue };
        if programs.iter().any(|program| program.name == name) {
            reader.wrong(part.line("name"), format!("two programs are called `{name}`"));
        }
        programs.push(Program { name, source });
    }
    programs
}

/// What an image can be.
const NO_IMAGE: &str = "an image is \"registry/name@sha256:…\" (by its digest, or tasks would differ), an archive beside the \
                        manifest (\"tool.tar\"), or a name that an exchange publishes (\"tool-2.1\")";

fn is_pinned(image: &str) -> bool {
    image.split_once("@sha256:").is_some_and(|(name, digest)| {
        !name.is_empty() && digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The key `wasm` of a part.
fn wasm<'t>(reader: &mut Reader<'t>, part: Fields<'t>, needed: bool) -> Option<String> {
    let file = if needed { reader.needed(part, "wasm", "plan.wasm") } else { reader.text(part, "wasm") }?;
    if file.contains(['/', '\\']) || !file.ends_with(".wasm") || file.len() < 6 {
        reader.wrong(
            part.line("wasm"),
            format!("`{file}` is no WebAssembly file beside the manifest, such as plan.wasm"),
        );
        return None;
    }
    Some(file)
}

fn role<'t>(
    reader: &mut Reader<'t>,
    root: Fields<'t>,
    key: &'static str,
    name: &'static str,
    needed: bool,
) -> Option<String> {
    let Some(part) = reader.part(root, key, name) else {
        if needed && !root.has(key) {
            reader.wrong(0, format!("there is no {name}: name the program that makes tasks of a job"));
        }
        return None;
    };
    reader.closed(part, if key == "join" { &["wasm", "check"] } else { &["wasm"] });
    wasm(reader, part, true)
}

fn probes<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> u64 {
    let Some(part) = reader.part(root, "probe", "[probe]") else { return 1 };
    reader.closed(part, &["most"]);
    let most = reader.number(part, "most").unwrap_or(1);
    if !(1..=MOST_PROBES).contains(&most) {
        reader.wrong(
            part.line("most"),
            format!("`most` is from 1 to {MOST_PROBES}: these tasks are paid before anything is quoted"),
        );
    }
    most
}

fn check<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> Option<Check> {
    let Some(part) = reader.part(root, "check", "[check]") else { return Some(Check::Exact) };
    reader.closed(part, &["how", "wasm", "args", "stop"]);
    let how = reader.needed(part, "how", "exact")?;
    let judges = matches!(how.as_str(), "checker" | "self-proving");
    let file = wasm(reader, part, judges);
    if part.has("wasm") && !judges {
        reader.wrong(part.line("wasm"), format!("how = \"{how}\" needs no program; leave `wasm` out"));
    }
    let args = reader.texts(part, "args");
    if !args.is_empty() && !judges {
        reader.wrong(part.line("args"), format!("how = \"{how}\" runs no program; leave `args` out"));
    }
    let stop = reader.text(part, "stop");
    if let Some(stop) = &stop
        && (how != "self-proving" || stop != "first-proof")
    {
        reader.wrong(part.line("stop"), "`stop` is \"first-proof\", where how = \"self-proving\"");
    }
    match how.as_str() {
        "exact" => Some(Check::Exact),
        "homogeneous" => Some(Check::Homogeneous),
        "checker" => Some(Check::Checker { wasm: file?, args }),
        "self-proving" => Some(Check::SelfProving { wasm: file?, args, first_is_enough: stop.is_some() }),
        _ => {
            let what = format!("`{how}` is no way to check; there are exact, homogeneous, checker, self-proving");
            reader.wrong(part.line("how"), what);
            None
        }
    }
}

fn pictures<'t>(reader: &mut Reader<'t>, root: Fields<'t>) -> bool {
    let Some(part) = reader.part(root, "preview", "[preview]") else { return false };
    reader.closed(part, &["pictures"]);
    let pictures = reader.needed(part, "pictures", "*.png");
    if pictures.as_deref().is_some_and(|pictures| pictures != "*.png") {
        reader.wrong(part.line("pictures"), "only \"*.png\" can be shown");
    }
    pictures.is_some()
}
