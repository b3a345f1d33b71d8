//! The checker as a command: `compare check picture [--psnr DB] [--ssim SHARE]`, or `compare check numbers [--absolute N]
//! [--relative N]`. The results are in `/iexec_in/result` and `/iexec_in/other`, what they said in `result.stdout` and `other.stdout`. It
//! prints one word: `equal`, `different` or `inconclusive`. Files that are not of its kind must be equal to the byte.

use compare::{Answer, Bound, numbers, pictures};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

const RESULT: &str = "/iexec_in/result";
const OTHER: &str = "/iexec_in/other";

/// How two files are compared.
enum How {
    Picture { psnr: Option<Bound>, ssim: Option<Bound> },
    Numbers { absolute: Bound, relative: Bound },
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match read(&arguments).and_then(|how| answer(&how)) {
        Ok(answer) => {
            println!("{}", answer.word());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn read(arguments: &[String]) -> Result<How, Box<dyn Error>> {
    let usage =
        "usage: compare check picture [--psnr DB] [--ssim SHARE] | compare check numbers [--absolute N] [--relative N]";
    let [check, kind, options @ ..] = arguments else { return Err(usage.into()) };
    let mut bounds = BTreeMap::new();
    let (pairs, rest) = options.as_chunks::<2>();
    for [name, bound] in pairs {
        bounds.insert(name.as_str(), bound.parse::<Bound>()?);
    }
    let mut take = |name: &str| bounds.remove(name);
    let how = match kind.as_str() {
        "picture" => How::Picture { psnr: take("--psnr"), ssim: take("--ssim") },
        "numbers" => {
            let nothing: Bound = "0".parse()?;
            let (absolute, relative) = (take("--absolute"), take("--relative"));
            How::Numbers { absolute: absolute.unwrap_or(nothing), relative: relative.unwrap_or(nothing) }
        }
        _ => return Err(usage.into()),
    };
    let bare = matches!(how, How::Picture { psnr: None, ssim: None });
    if check != "check" || !rest.is_empty() || !bounds.is_empty() || bare { Err(usage.into()) } else { Ok(how) }
}

/// The worst of all files; a file that only one of them has makes them different.
fn answer(how: &How) -> Result<Answer, Box<dyn Error>> {
    let (result, other) = (files(Path::new(RESULT))?, files(Path::new(OTHER))?);
    if !result.keys().eq(other.keys()) {
        return Ok(Answer::Different);
    }
    let mut worst = said(how)?;
    for (name, path) in &result {
        let (one, other) = (fs::read(path)?, fs::read(&other[name])?);
        worst = worst.max(how.compare(name, &one, &other));
        if worst == Answer::Different {
            break;
        }
    }
    Ok(worst)
}

/// What the programs said, where that is part of the results.
fn said(how: &How) -> io::Result<Answer> {
    let read = |folder: &str| match fs::read(format!("{folder}.stdout")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    };
    Ok(how.compare("", &read(RESULT)?, &read(OTHER)?))
}

impl How {
    fn compare(&self, name: &str, one: &[u8], other: &[u8]) -> Answer {
        match self {
            Self::Picture { psnr, ssim } if name.to_ascii_lowercase().ends_with(".png") => {
                pictures(one, other, *psnr, *ssim)
            }
            Self::Numbers { absolute, relative } => numbers(one, other, *absolute, *relative),
            Self::Picture { .. } if one == other => Answer::Equal,
            Self::Picture { .. } => Answer::Different,
        }
    }
}

/// All files below a folder by their paths; none where there is no folder: a result may have no files.
fn files(root: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder == root => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                found.insert(name, path);
            }
        }
    }
    Ok(found)
}
