//! `.blend` files through a market of several agents and a registry, held against local renders: images are made, pushed, fetched by
//! digest, run by two agents who must agree; the frames are compared with `--local` and with Blender alone.

use super::{Machine, hands};
use crate::image::{self, files_in, must};
use anyhow::{Context as _, bail, ensure};
use fixtures::Registry;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the frames are drawn at: small, for this compares and does not measure.
const TERMS: [&str; 8] = ["--frames", "1-5", "--width", "160", "--height", "120", "--samples", "8"];
const FRAMES: u32 = 5;
/// The image whose Blender is a program and no module of Python's.
const DEBIANS: &str = "blender-3.4";
/// Blender alone: no `render-frame`, no sandbox, nothing set but what the frames are drawn at.
const PLAIN: &str = "\
import bpy, sys
bpy.ops.wm.open_mainfile(filepath='/tmp/plain/scene.blend')
scene = bpy.context.scene
scene.cycles.samples, scene.cycles.use_adaptive_sampling = 8, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 160, 120, 100
scene.frame_set(int(sys.argv[-1]))
scene.render.filepath = '/tmp/plain/out.png'
bpy.ops.render.render(write_still=True)
";

/// Makes the images that are named (those of PyPI's wheels, if none is), unless `--images` has them, and tries each.
pub(super) fn run(words: &[&str]) -> anyhow::Result<bool> {
    let (mut folder, mut images, mut names) = (PathBuf::from("target/e2e"), None, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--in" => folder = words.next().context("--in FOLDER")?.into(),
            "--images" => images = Some(PathBuf::from(words.next().context("--images FOLDER")?)),
            name => names.push(name),
        }
    }
    if names.is_empty() {
        names = vec!["blender-4.2", "blender-5.0"];
    }
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let images = images.unwrap_or_else(|| folder.join("images"));
    let hands = hands()?.canonicalize()?;
    let registry = Registry::open(folder.to_str().context("the folder's name is text")?);
    let lab = folder.join("lab");
    drop(fs::remove_dir_all(&lab));
    let (office, other) = (Machine::new(&hands, lab.join("office"))?, Machine::new(&hands, lab.join("other"))?);
    let at = format!("http://{}", registry.address());
    let mut up =
        office.starts(&["up", "--listen", "127.0.0.1:0", "--workers", "1", "--cores", "1", "--registry", &at])?;
    let (url, token) = (up.value("exchange")?, up.value("join token")?);
    let words = ["work", "--exchange", &url, "--join", &token, "--cores", "1", "--registry", &at];
    let _work = other.starts(&words)?;
    let person = Machine::new(&hands, lab.join("person"))?;
    let joined = ["--exchange", &url, "--join", &token];
    // Whoever has the operator's key is the operator.
    let operator = Machine::new(&hands, lab.join("operator"))?;
    fs::create_dir_all(operator.home())?;
    fs::copy(office.home().join("exchange/operator.key"), operator.home().join("key"))?;
    for name in names {
        let archive = images.join(format!("{name}.tar"));
        let archive = if archive.exists() { archive } else { image::make(name, &images, &hands)? }.canonicalize()?;
        let tree = lab.join(name);
        let layout = unpacked(&archive, &tree.join("layout"))?;
        let reference = push(&layout, registry.address(), name)?;
        println!("{name}: {} MiB, in the registry as {reference}", fs::metadata(&archive)?.len() >> 20);
        operator.shows(&[&["app", "publish", "--image", &reference, "--price", "0"][..], &joined].concat())?;
        scene(&person, &reference, name, &joined)?;
        rendered(&person, name, &archive, &joined)?;
        plain(&person, name, &layout, &tree.join("root"))?;
    }
    println!("all frames of the market are those of --local to the byte, and those of Blender alone to the pixel");
    Ok(true)
}

/// Has the image's own Blender make a scene, as any task would.
fn scene(person: &Machine, reference: &str, name: &str, joined: &[&str]) -> anyhow::Result<()> {
    fs::write(person.work().join("make-scene.py"), include_str!("../../blender/make-scene.py"))?;
    let run = ["run", "--image", reference, "--input", "make-scene.py", "--out", name];
    let told: &[&str] = match name {
        DEBIANS => &["blender", "-b", "--factory-startup", "-P", "/iexec_in/make-scene.py", "--", "/iexec_out"],
        _ => &["python3", "/iexec_in/make-scene.py", "/iexec_out"],
    };
    person.shows(&[&run[..], joined, &["--"], told].concat())?;
    Ok(())
}

/// Renders it on two agents who must agree, and here.
fn rendered(person: &Machine, name: &str, archive: &Path, joined: &[&str]) -> anyhow::Result<()> {
    let scene = format!("{name}/monkey.blend");
    let (far, near) = (format!("{name}-far"), format!("{name}-near"));
    let mut render: Vec<&str> = vec!["render", &scene];
    render.extend(TERMS);
    let texture = person.work().join(name).join("textures/checks.png");
    let aside = person.work().join("checks.png");
    fs::rename(&texture, &aside)?;
    person.is_refused(&[&render[..], joined].concat())?;
    fs::rename(&aside, &texture)?;
    let began = Instant::now();
    person.shows(&[&render[..], &["--trust", "3", "--out", &far, "--yes"], joined].concat())?;
    println!("  ({:.1} s on the clock)", began.elapsed().as_secs_f32());
    person.shows(&["app", "use", archive.to_str().context("an archive's name is text")?])?;
    let began = Instant::now();
    person.shows(&[&render[..], &["--local", "--out", &near]].concat())?;
    println!("  ({:.1} s on the clock)", began.elapsed().as_secs_f32());
    for frame in 1..=FRAMES {
        let read = |folder: &str| fs::read(person.work().join(folder).join(format!("{frame:04}.png")));
        ensure!(read(&far)? == read(&near)?, "frame {frame} of {name} differs between the market and --local");
    }
    Ok(())
}

/// Renders a frame by Blender alone, in the image's files but in no sandbox, and compares its pixels.
fn plain(person: &Machine, name: &str, layout: &Path, root: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(root)?;
    let (_, manifest) = manifest(layout)?;
    let layer = manifest["layers"][0]["digest"].as_str().context("the image has a layer")?.replace(':', "/");
    must(Command::new("tar").arg("-xf").arg(layout.join("blobs").join(layer)).arg("-C").arg(root))?;
    let own = root.join("tmp/plain");
    fs::create_dir_all(own.join("textures"))?;
    let from = person.work().join(name);
    fs::copy(from.join("monkey.blend"), own.join("scene.blend"))?;
    fs::copy(from.join("textures/checks.png"), own.join("textures/checks.png"))?;
    fs::write(own.join("plain.py"), PLAIN)?;
    for frame in [1, FRAMES] {
        let number = frame.to_string();
        let words: &[&str] = match name {
            DEBIANS => &["blender", "-b", "--factory-startup", "-P", "/tmp/plain/plain.py", "--", &number],
            _ => &["python3", "/tmp/plain/plain.py", &number],
        };
        // By its full name: the variables are the image's, in which there is no more than Blender needs.
        let mut alone = Command::new("/usr/sbin/chroot");
        alone.arg(root).args(words).env_clear().env("HOME", "/tmp");
        alone.envs(image::ENVIRONMENT.iter().filter_map(|variable| variable.split_once('=')));
        must(&mut alone)?;
        let far = person.work().join(format!("{name}-far/{frame:04}.png"));
        let (far, alone) = (pixels(&fs::read(far)?)?, pixels(&fs::read(own.join("out.png"))?)?);
        ensure!(far == alone, "frame {frame} of {name} differs between the market and Blender alone");
    }
    Ok(())
}

/// The packed pixels of a PNG: from one encoder equal ones are packed equally. What else the file says is no picture.
fn pixels(png: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (mut rest, mut pixels) = (png.get(8..).context("no PNG")?, Vec::new());
    while let Some(length) = rest.get(..4).and_then(|length| length.try_into().ok()) {
        let length = usize::try_from(u32::from_be_bytes(length))?;
        let content = rest.get(8..8 + length).context("a PNG that is cut short")?;
        if rest.get(4..8) == Some(b"IDAT") {
            pixels.extend(content);
        }
        rest = rest.get(12 + length..).context("a PNG that is cut short")?;
    }
    if pixels.is_empty() {
        bail!("a PNG without a picture");
    }
    Ok(pixels)
}

/// The OCI layout that is in an archive.
fn unpacked(archive: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    must(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(folder))?;
    Ok(folder.to_owned())
}

/// A layout's manifest, by its digest.
fn manifest(layout: &Path) -> anyhow::Result<(String, serde_json::Value)> {
    let index: serde_json::Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let digest = index["manifests"][0]["digest"].as_str().context("the layout has an image")?.to_owned();
    let text = fs::read(layout.join("blobs").join(digest.replace(':', "/")))?;
    Ok((digest, serde_json::from_slice(&text)?))
}

/// Pushes a layout's image into a registry; by which name and digest it is there.
fn push(layout: &Path, registry: &str, name: &str) -> anyhow::Result<String> {
    let (digest, _) = manifest(layout)?;
    let base = format!("http://{registry}/v2/{name}");
    for file in files_in(&layout.join("blobs/sha256"))? {
        let own = format!("sha256:{}", file.file_name().unwrap_or_default().to_string_lossy());
        let answer = must(Command::new("curl").args(["-fsS", "-i", "-X", "POST", &format!("{base}/blobs/uploads/")]))?;
        let header = |line: &str| Some(line.split_once(':')?.1.trim().to_owned());
        let is_place = |line: &&str| line.to_ascii_lowercase().starts_with("location:");
        let place = answer.lines().find(is_place).and_then(header).context("the registry names no place")?;
        let joint = if place.contains('?') { '&' } else { '?' };
        let mut put = Command::new("curl");
        put.args(["-fsS", "-H", "Content-Type: application/octet-stream", "-X", "PUT", "-T"]).arg(&file);
        must(put.arg(format!("{place}{joint}digest={own}")))?;
    }
    let mut put = Command::new("curl");
    put.args(["-fsS", "-H", "Content-Type: application/vnd.oci.image.manifest.v1+json", "-X", "PUT", "-T"]);
    put.arg(layout.join("blobs").join(digest.replace(':', "/")));
    must(put.arg(format!("{base}/manifests/1")))?;
    Ok(format!("{registry}/{name}:1"))
}
