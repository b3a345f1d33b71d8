//! The command: a scene file in, one frame out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fmt, fs, io};

use tracer::frame::Settings;
use tracer::render_png;
use tracer::scene_file::{SceneError, load};

const USAGE: &str = "\
Renders one frame of an orbit around a scene, the same bytes on every machine.

usage: tracer SCENE [OPTION…]

SCENE is an .obj file (with its .mtl), a .gltf file (with its .bin) or a .glb file.
Files it names are looked for beside it.

  --frame N     which frame of the orbit, from 0 (0)
  --frames M    how many frames make the full turn (24)
  --width W     pixels across (240)
  --height H    pixels down (180)
  --samples S   paths for each pixel (16)
  --raw         leave the grain in: no filter over neighbouring pixels
  --out FILE    the PNG file to write (frame-NNNN.png)

example: tracer hands.obj --frame 6 --frames 24 --width 480 --height 360 --out six.png
";

/// Pixels of either side of a picture.
const LARGEST: u32 = 8192;
const MOST_SAMPLES: u32 = 65_536;
const MOST_FRAMES: u32 = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// Why there is no picture.
#[derive(Debug)]
enum Failure {
    MissingScene,
    SecondScene(String),
    UnknownOption(String),
    MissingValue(String),
    BadValue { option: String, value: String, most: u32 },
    PastTheEnd { frame: u32, frames: u32 },
    Scene(SceneError),
    Encoding(png::EncodingError),
    Unwritable(PathBuf, io::Error),
}

impl Failure {
    /// 2 where the command line or the scene is at fault.
    fn code(&self) -> u8 {
        match self {
            Self::Encoding(_) | Self::Unwritable(..) => 1,
            Self::MissingScene
            | Self::SecondScene(_)
            | Self::UnknownOption(_)
            | Self::MissingValue(_)
            | Self::BadValue { .. }
            | Self::PastTheEnd { .. }
            | Self::Scene(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingScene => f.write_str("no scene named; see tracer --help"),
            Self::SecondScene(word) => write!(f, "one scene at a time: what is `{word}`?"),
            Self::UnknownOption(option) => write!(f, "unknown option {option}; see tracer --help"),
            Self::MissingValue(option) => write!(f, "{option} needs a value"),
            Self::BadValue { option, value, most } => {
                let least = u8::from(option != "--frame");
                write!(f, "{option} is a whole number from {least} to {most}, not `{value}`")
            }
            Self::PastTheEnd { frame, frames } => {
                write!(f, "frame {frame} is not one of {frames}: they count from 0")
            }
            Self::Scene(error) => error.fmt(f),
            Self::Encoding(error) => write!(f, "the picture cannot be encoded: {error}"),
            Self::Unwritable(path, error) => write!(f, "{}: cannot be written: {error}", path.display()),
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let (scene, settings, out) = parse(arguments)?;
    let scene = PathBuf::from(scene);
    let folder = scene.parent().unwrap_or(Path::new("")).to_owned();
    let name = scene.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let loaded = load(&name, &|file| read(&folder, file)).map_err(Failure::Scene)?;
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let picture = render_png(loaded.mesh, &settings).map_err(Failure::Encoding)?;
    fs::write(&out, picture).map_err(|error| Failure::Unwritable(out, error))
}

/// Scenes come from other systems and get their folders flattened on the way: a file that is not where the scene says may
/// lie right beside it.
fn read(folder: &Path, file: &str) -> io::Result<Vec<u8>> {
    let file = file.replace('\\', "/");
    fs::read(folder.join(&file)).or_else(|error| match Path::new(&file).file_name() {
        Some(name) if Path::new(name) != Path::new(&file) => fs::read(folder.join(name)).map_err(|_| error),
        _ => Err(error),
    })
}

fn parse(arguments: &[String]) -> Result<(String, Settings, PathBuf), Failure> {
    let mut settings = Settings { frame: 0, frames: 24, width: 240, height: 180, samples: 16, raw: false };
    let (mut scene, mut out) = (None, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else {
            if scene.replace(word.clone()).is_some() {
                return Err(Failure::SecondScene(word.clone()));
            }
            continue;
        };
        let (number, most) = match option {
            "frame" => (&mut settings.frame, MOST_FRAMES - 1),
            "frames" => (&mut settings.frames, MOST_FRAMES),
            "width" => (&mut settings.width, LARGEST),
            "height" => (&mut settings.height, LARGEST),
            "samples" => (&mut settings.samples, MOST_SAMPLES),
            "raw" => {
                settings.raw = true;
                continue;
            }
            "out" => {
                out = Some(words.next().ok_or_else(|| Failure::MissingValue(word.clone()))?.into());
                continue;
            }
            _ => return Err(Failure::UnknownOption(word.clone())),
        };
        let value = words.next().ok_or_else(|| Failure::MissingValue(word.clone()))?;
        let least = u32::from(option != "frame");
        *number = value
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| Failure::BadValue { option: word.clone(), value: value.clone(), most })?;
    }
    let Settings { frame, frames, .. } = settings;
    if frame >= frames {
        return Err(Failure::PastTheEnd { frame, frames });
    }
    let scene = scene.ok_or(Failure::MissingScene)?;
    let out = out.unwrap_or_else(|| PathBuf::from(format!("frame-{frame:04}.png")));
    Ok((scene, settings, out))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn complaint(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&words).unwrap_err().to_string()
    }

    #[test]
    fn a_command_line_is_read() {
        let words = "--frame 3 a.obj --samples 8 --out x.png".split(' ').map(str::to_owned);
        let (scene, settings, out) = parse(&words.collect::<Vec<_>>()).unwrap();
        assert_eq!((scene.as_str(), settings.frame, settings.samples), ("a.obj", 3, 8));
        assert_eq!(out.to_str(), Some("x.png"));
    }

    #[test]
    fn a_bad_command_line_is_told() {
        for (line, wanted) in [
            ("--frame 1", "no scene named; see tracer --help"),
            ("a.obj b.obj", "one scene at a time: what is `b.obj`?"),
            ("a.obj --fast", "unknown option --fast; see tracer --help"),
            ("a.obj --width", "--width needs a value"),
            ("a.obj --width 0", "--width is a whole number from 1 to 8192, not `0`"),
            ("a.obj --samples many", "--samples is a whole number from 1 to 65536, not `many`"),
            ("a.obj --frame 24", "frame 24 is not one of 24: they count from 0"),
            ("a.obj --frame -1", "--frame is a whole number from 0 to 999999, not `-1`"),
        ] {
            assert_eq!(complaint(line), wanted);
        }
    }
}
