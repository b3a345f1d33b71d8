//! Frames of a Blender file, by an image of Blender: what it lacks, which image renders it, and a task for each frame.

use kit::{FILES, Plan, Range, Request, Task, refuse, want};
use render::blend::{Blend, Version};
use render::{own_names, survey_blend};
use std::error::Error;
use std::fs;

/// How the programs of images are called in the manifest, before their version.
const PROGRAM: &str = "blender-";
/// Says in a task which path beside the scene each file stands for: a line each, path, tab, name.
const TREE: &str = "render-frame.tree";
/// What draws without a graphics card.
const CYCLES: &str = "CYCLES";

pub(crate) fn blended(request: &Request, scene: &str) -> Result<(), Box<dyn Error>> {
    let found = survey_blend(scene, &|path| fs::read(format!("{FILES}/{path}")));
    let missing = request.missing();
    let unasked: Vec<String> = found.absent.iter().filter(|path| !missing.contains(&path.as_str())).cloned().collect();
    if !unasked.is_empty() {
        return Ok(want(&unasked)?);
    }
    let ignores = request.flag("ignore-missing");
    let mut against: Vec<String> = found.broken;
    let mut say = Vec::new();
    let lacking = found.absent.iter().map(|path| {
        let what = found.named.get(path).map_or("linked file", String::as_str);
        format!("{scene} needs {path} ({what}), which is not there: put it there, pack it, or --ignore-missing")
    });
    let list = if ignores { &mut say } else { &mut against };
    list.extend(found.astray.into_iter().chain(lacking));
    let image = found.scene.as_ref().and_then(|own| image(own.version, scene, &request.programs(), &mut against));
    if let Some(own) = &found.scene {
        drawn(own, scene, request, &mut against);
    }
    let (Some(own), Some(image), true) = (found.scene, image, against.is_empty()) else {
        return Ok(refuse(&against)?);
    };
    let frames = frames(request, &own);
    say.insert(0, format!("{scene}: Blender {}, frames {} to {}, by {image}", own.version, frames.from, frames.to));
    let (files, tree) = laid_out(scene, &found.files)?;
    let mut plan = Plan { program: image, say, files, ..Plan::default() };
    let mut options: Vec<String> = Vec::new();
    if let Some(tree) = tree {
        options.extend(["--tree".to_owned(), tree.clone()]);
        plan.files.push(tree);
    }
    for name in ["width", "height", "samples"] {
        options.extend(request.integer(name).into_iter().flat_map(|value| [format!("--{name}"), value.to_string()]));
    }
    if request.text("engine") == Some("cycles") {
        options.extend(["--engine", "cycles"].map(str::to_owned));
    }
    for frame in frames.from..=frames.to {
        let name = own.output.name(i64::try_from(frame)?);
        let args = ["render-frame", scene, "--frame", &frame.to_string(), "--out", &name].map(str::to_owned);
        plan.tasks.push(Task { name, args: args.into_iter().chain(options.clone()).collect(), files: Vec::new() });
    }
    Ok(plan.probing_ends_and_middle().write()?)
}

/// The frames that were asked for, else those of the scene.
fn frames(request: &Request, scene: &Blend) -> Range {
    let own = scene.frames.and_then(|(from, to)| Some((u64::try_from(from).ok()?, u64::try_from(to).ok()?)));
    let own = own.filter(|(from, to)| from <= to).map_or(Range { from: 1, to: 1 }, |(from, to)| Range { from, to });
    request.range("frames").unwrap_or(own)
}

/// The program that renders a scene of this version: the nearest that is not older.
fn image(version: Version, scene: &str, programs: &[&str], against: &mut Vec<String>) -> Option<String> {
    let there: Vec<Version> = programs.iter().filter_map(|name| Version::parse(name.strip_prefix(PROGRAM)?)).collect();
    let nearest = version.nearest(&there);
    if nearest.is_none() {
        let list: Vec<String> = there.iter().map(Version::to_string).collect();
        let list = list.join(", ");
        against.push(format!("{scene} is of Blender {version}, which is newer than every image there is: {list}"));
    }
    nearest.map(|version| format!("{PROGRAM}{version}"))
}

/// Complains of a scene that an image cannot draw as it is.
fn drawn(scene: &Blend, name: &str, request: &Request, against: &mut Vec<String>) {
    let engine = scene.output.engine.as_str();
    if !engine.is_empty() && engine != CYCLES && request.text("engine") != Some("cycles") {
        against.push(format!(
            "{name} is drawn by {engine}, which needs a graphics card; `--engine cycles` draws it by Cycles, differently"
        ));
    }
}

/// The files of the plan, the scene first, and the file that says where each belongs. Two of one name are told apart by copies.
fn laid_out(scene: &str, files: &[String]) -> Result<(Vec<String>, Option<String>), Box<dyn Error>> {
    let (mut sent, mut tree) = (Vec::new(), String::new());
    for (path, name) in own_names(files) {
        if path.rsplit('/').next() == Some(name.as_str()) {
            sent.push(path.clone());
        } else {
            fs::copy(format!("{FILES}/{path}"), &name)?;
            sent.push(name.clone());
        }
        if path != scene {
            tree += &format!("{path}\t{name}\n");
        }
    }
    if tree.is_empty() {
        return Ok((sent, None));
    }
    fs::write(TREE, tree)?;
    Ok((sent, Some(TREE.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_image_that_is_not_older_is_picked_and_a_scene_newer_than_all_is_refused() {
        let programs = ["tracer", "blender-3.4", "blender-4.2", "blender-5.0"];
        let pick = |text: &str| {
            let mut against = Vec::new();
            (image(Version::parse(text).unwrap(), "a.blend", &programs, &mut against), against)
        };
        for (version, program) in [("2.79", "blender-3.4"), ("3.6", "blender-4.2"), ("5.0", "blender-5.0")] {
            assert_eq!(pick(version), (Some(program.to_owned()), Vec::new()), "{version}");
        }
        let newer = "a.blend is of Blender 5.1, which is newer than every image there is: 3.4, 4.2, 5.0";
        assert_eq!(pick("5.1"), (None, vec![newer.to_owned()]));
    }
}
