//! The planner of `hands render`: a task for each frame.

use kit::{FILES, Plan, Request, Task, refuse, want};
use render::blend::Version;
use render::{Survey, clashes, survey, survey_blend};
use std::error::Error;
use std::fs;
use std::process::ExitCode;

/// Where a task finds its inputs.
const INPUTS: &str = "/iexec_in";

fn main() -> ExitCode {
    match plan() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn plan() -> Result<(), Box<dyn Error>> {
    let request = Request::read()?;
    let scene = request.text("scene").ok_or("no scene was given")?;
    let extension = scene.rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase());
    match extension.as_str() {
        "obj" | "gltf" | "glb" => traced(&request, scene),
        "blend" => blended(&request, scene),
        _ => Ok(refuse(&[format!("{scene}: a scene is a .blend, .obj, .gltf or .glb file")])?),
    }
}

/// A Blender file: what it lacks, and which image would render it.
fn blended(request: &Request, scene: &str) -> Result<(), Box<dyn Error>> {
    let found = survey_blend(scene, &|path| fs::read(format!("{FILES}/{path}")));
    let missing = request.missing();
    let unasked: Vec<String> = found.absent.iter().filter(|path| !missing.contains(&path.as_str())).cloned().collect();
    if !unasked.is_empty() {
        return Ok(want(&unasked)?);
    }
    let mut against = found.faults;
    if !request.flag("ignore-missing") {
        against.extend(found.absent.iter().map(|path| {
            let what = found.named.get(path).map_or("linked file", String::as_str);
            format!("{scene} needs {path} ({what}), which is not there: put it there, pack it, or --ignore-missing")
        }));
    }
    if let Some(own) = found.scene {
        against.push(image(own.version, scene, &request.programs()));
    }
    Ok(refuse(&against)?)
}

/// Why no image renders a scene of this version, or which would if apps could run images.
fn image(version: Version, scene: &str, programs: &[&str]) -> String {
    let there: Vec<Version> =
        programs.iter().filter_map(|name| Version::parse(name.strip_prefix("blender-")?)).collect();
    let list: Vec<String> = there.iter().map(Version::to_string).collect();
    match version.nearest(&there) {
        Some(image) => format!(
            "{scene} is of Blender {version}: the image of {image} would render it, but apps cannot run images yet"
        ),
        None if there.is_empty() => {
            format!("{scene} is of Blender {version}, and no image of Blender comes with this version of hands")
        }
        None => {
            format!("{scene} is of Blender {version}, which is newer than every image there is: {}", list.join(", "))
        }
    }
}

/// Frames of a turn around the scene, by the tracer.
fn traced(request: &Request, scene: &str) -> Result<(), Box<dyn Error>> {
    let Survey { files, absent, mut say, fault } = survey(scene, &|path| fs::read(format!("{FILES}/{path}")));
    let missing = request.missing();
    let unasked: Vec<String> = absent.iter().filter(|path| !missing.contains(&path.as_str())).cloned().collect();
    if !unasked.is_empty() {
        return Ok(want(&unasked)?);
    }
    let mut against: Vec<String> = Vec::new();
    if !request.flag("ignore-missing") {
        let line =
            |path: &String| format!("{scene} needs {path}, which is not there: put it there, or --ignore-missing");
        against.extend(absent.iter().map(line));
    }
    against.extend(clashes(&files).iter().map(|path| format!("{path}: another file of this scene has the same name")));
    if against.is_empty() {
        against.extend(fault);
    }
    let frames = request.range("frames").ok_or("no frames were given")?;
    let turn = request.integer("turn").unwrap_or(frames.to);
    if frames.from == 0 || frames.to > turn {
        against.push(format!("frames count from 1 to {turn}, the last of the turn; --turn says how many make a turn"));
    }
    if !against.is_empty() {
        return Ok(refuse(&against)?);
    }
    let number = |name: &str| request.integer(name).unwrap_or_default().to_string();
    let scene = format!("{INPUTS}/{}", scene.rsplit('/').next().unwrap_or(scene));
    let mut plan = Plan { program: "tracer".to_owned(), files, ..Plan::default() };
    plan.say.append(&mut say);
    for frame in frames.from..=frames.to {
        let name = format!("{frame:04}.png");
        let options = [
            ("--frame", (frame - 1).to_string()),
            ("--frames", turn.to_string()),
            ("--width", number("width")),
            ("--height", number("height")),
            ("--samples", number("samples")),
            ("--out", name.clone()),
        ];
        let options = options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
        plan.tasks.push(Task {
            name,
            args: std::iter::once(scene.clone()).chain(options).collect(),
            files: Vec::new(),
        });
    }
    Ok(plan.probing_ends_and_middle().write()?)
}
