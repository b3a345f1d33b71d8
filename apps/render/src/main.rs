//! The planner of `hands render`: a task for each frame.

mod blended;

use blended::blended;
use kit::{FILES, Plan, Range, Request, Task, ended, refuse, want};
use render::{Survey, clashes, survey};
use std::error::Error;
use std::fs;
use std::process::ExitCode;

/// Where a task finds its inputs.
const INPUTS: &str = "/iexec_in";
/// What the tracer is asked for where nothing is said.
const FRAMES: Range = Range { from: 1, to: 24 };
const WIDTH: u64 = 480;
const HEIGHT: u64 = 360;
const SAMPLES: u64 = 64;

fn main() -> ExitCode {
    ended(plan())
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
    let frames = request.range("frames").unwrap_or(FRAMES);
    let turn = request.integer("turn").unwrap_or(frames.to);
    if frames.from == 0 || frames.to > turn {
        against.push(format!("frames count from 1 to {turn}, the last of the turn; --turn says how many make a turn"));
    }
    if !against.is_empty() {
        return Ok(refuse(&against)?);
    }
    let number = |name: &str, usual: u64| request.integer(name).unwrap_or(usual).to_string();
    let scene = format!("{INPUTS}/{}", scene.rsplit('/').next().unwrap_or(scene));
    let mut plan = Plan { program: "tracer".to_owned(), files, ..Plan::default() };
    plan.say.append(&mut say);
    for frame in frames.from..=frames.to {
        let name = format!("{frame:04}.png");
        let options = [
            ("--frame", (frame - 1).to_string()),
            ("--frames", turn.to_string()),
            ("--width", number("width", WIDTH)),
            ("--height", number("height", HEIGHT)),
            ("--samples", number("samples", SAMPLES)),
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
