//! Container images end to end: Debian's registry and runc, `hands up` with its workers, and images that really run. Where a
//! machine cannot run containers, a test says so and ends.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "a test that could not try says so")]

use crate::hands::{Ended, Home, listing};
use crate::processes::Process;
use fixtures::{Registry, debian};
use flate2::Compression;
use flate2::write::GzEncoder;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Where what is fetched is kept.
const SHELF: &str = env!("CARGO_TARGET_TMPDIR");

fn push(registry: &Registry, image: &Layout) {
    // It chooses how TLS is spoken, for the whole process.
    let _chosen = images::Puller::new(images::Registries::default());
    let client = Client::new(ClientConfig {
        protocol: ClientProtocol::HttpsExcept(vec![registry.address().to_owned()]),
        ..ClientConfig::default()
    });
    let to: oci_client::Reference = format!("{}/lab/box:1", registry.address()).parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        client.auth(&to, &RegistryAuth::Anonymous, oci_client::RegistryOperation::Push).await.unwrap();
        for (digest, bytes) in &image.blobs {
            client.push_blob(&to, bytes.clone(), digest).await.unwrap();
        }
        let kind = "application/vnd.oci.image.manifest.v1+json".parse().unwrap();
        client.push_manifest_raw(&to, image.manifest.clone(), kind).await.unwrap();
    });
}

/// An image: busybox, and what its config says.
pub(crate) struct Layout {
    /// Config and layer.
    blobs: Vec<(String, Vec<u8>)>,
    manifest: Vec<u8>,
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Layout {
    pub(crate) fn busybox(config: &Value) -> Self {
        Self::with_program(config, None)
    }

    /// One more program in it: its path and text.
    fn with_program(config: &Value, program: Option<(&str, &str)>) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        if let Some((path, text)) = program {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o755);
            header.set_mtime(0);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        let busybox = debian(SHELF, "busybox-static", "bin/busybox");
        tar.append_path_with_name(&busybox, "bin/busybox").unwrap();
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        link.set_mode(0o777);
        link.set_mtime(0);
        tar.append_link(&mut link, "bin/sh", "busybox").unwrap();
        let layer = tar.into_inner().unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&layer).unwrap();
        let packed = gzip.finish().unwrap();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = serde_json::to_vec(&json!({
            "architecture": architecture, "os": "linux", "config": config,
            "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
        }))
        .unwrap();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config), "size": config.len() },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(&packed), "size": packed.len() }],
        });
        let blobs = vec![(digest(&config), config), (digest(&packed), packed)];
        Self { blobs, manifest: serde_json::to_vec(&manifest).unwrap() }
    }

    /// As one file.
    pub(crate) fn archive(&self, file: &Path) {
        let mut tar = tar::Builder::new(fs::File::create(file).unwrap());
        let mut put = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes).unwrap();
        };
        put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        let described = json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(&self.manifest), "size": self.manifest.len(),
        });
        put("index.json", &serde_json::to_vec(&json!({ "schemaVersion": 2, "manifests": [described] })).unwrap());
        for (name, bytes) in self.blobs.iter().chain([&(digest(&self.manifest), self.manifest.clone())]) {
            put(&format!("blobs/{}", name.replace(':', "/")), bytes);
        }
        tar.finish().unwrap();
    }
}

/// A home whose commands find Debian's runc and keep images in a folder that all may pass through.
pub(crate) struct Lab {
    pub(crate) home: Home,
    images: TempDir,
}

impl Lab {
    /// `None` where this machine cannot run containers: said on standard error.
    pub(crate) fn new() -> Option<Self> {
        let images = TempDir::new().unwrap();
        fs::set_permissions(images.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let lab = Self { home: Home::new(), images };
        let said = lab.hands("doctor --json").ok().json();
        if said["runtime"].is_null() {
            eprintln!("not tried here: {}", said["containers"]);
            return None;
        }
        Some(lab)
    }

    fn command(&self, words: &[&str]) -> Command {
        let runc = debian(SHELF, "runc", "usr/sbin/runc");
        let path = std::env::join_paths(
            std::iter::once(runc.parent().unwrap().to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut command = self.home.command(words);
        command.env("PATH", path.unwrap()).env("MANYHANDS_CONTAINERS", self.images.path());
        command
    }

    fn run(&self, words: &[&str]) -> Ended {
        self.command(words).output().unwrap().into()
    }

    pub(crate) fn hands(&self, words: &str) -> Ended {
        self.run(&words.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn start(&self, words: &str) -> Process {
        Process::spawn(self.command(&words.split_whitespace().collect::<Vec<_>>()), words)
    }

    fn up(&self, more: &str) -> Process {
        let mut up = self.start(&format!("up --listen 127.0.0.1:0 {more}"));
        up.says("exchange");
        up
    }
}

#[test]
fn an_image_of_a_registry_runs_on_the_workers_of_an_exchange() {
    let Some(lab) = Lab::new() else { return };
    let registry = Registry::open(SHELF);
    let config = json!({ "Cmd": ["sh", "-c", "echo by default > default"], "Env": ["PATH=/bin", "COLOR=red"] });
    push(&registry, &Layout::busybox(&config));
    let image = format!("{}/lab/box:1", registry.address());
    let _up = lab.up(&format!("--registry http://{}", registry.address()));

    // The image's own command, and its variables; two workers agree.
    lab.run(&["run", "--image", &image, "--trust", "3", "--out", "plain"]).ok();
    assert_eq!(lab.home.read("plain/default"), "by default\n");

    // A command instead of it, with iExec's contract.
    lab.home.file("in.txt", "words\n");
    let script = r#"busybox cat $IEXEC_IN/$IEXEC_INPUT_FILE_NAME_1 > /iexec_out/copy; echo $COLOR $IEXEC_BOT_SIZE > /iexec_out/env
        echo '{"deterministic-output-path":"/iexec_out/copy"}' > /iexec_out/computed.json; echo said; busybox date +%N > /iexec_out/when"#;
    let ended = lab.run(&[
        "run", "--image", &image, "--trust", "3", "--input", "in.txt", "--out", "iexec", "--", "sh", "-c", script,
    ]);
    assert_eq!(ended.ok().stdout, "said\n", "the last words of a program are shown");
    assert_eq!(lab.home.read("iexec/copy"), "words\n");

    // What cannot agree is not bought: the file that differs is shown. A word says that it is.
    let random = [
        "run",
        "--image",
        &image,
        "--trust",
        "3",
        "--out",
        "random",
        "--",
        "sh",
        "-c",
        "echo always the same > a; echo id $IEXEC_TASK_ID > b",
    ];
    lab.run(&random).fails(1, &["b differs at byte", "| id 0x", "--reproducible"]);
    assert!(!lab.home.work().join("random").exists(), "nothing of a try is kept");

    // A sweep.
    let sweep =
        ["map", "--image", &image, "--range", "8..11", "--out", "sweep", "--", "sh", "-c", "echo $((2*{n})) > {i}"];
    lab.run(&sweep).ok();
    assert_eq!(listing(&lab.home.work().join("sweep")), ["0", "1", "2", "3"]);
    assert_eq!(lab.home.read("sweep/3"), "22\n");

    // A failure is a result, as of any program; what is printed may be one.
    lab.run(&["run", "--image", &image, "--", "sh", "-c", "echo why >&2; exit 9"]).fails(3, &["exit code 9", "| why"]);
    lab.run(&["run", "--image", &image, "--", "nothing"]).fails(3, &["exit code 127", "is not in the image"]);
    let printed = lab.run(&["run", "--image", &image, "--stdout", "--", "busybox", "seq", "3"]);
    assert_eq!(printed.ok().stdout, "1\n2\n3\n");

    // Kept by its digest: the registry may be gone.
    let name = digest(&Layout::busybox(&config).manifest);
    let app = lab
        .run(&["app", "publish", "--image", &format!("{}/lab/box@{name}", registry.address()), "--json"])
        .ok()
        .json();
    drop(registry);
    lab.run(&["run", app["app"].as_str().unwrap(), "--out", "again", "--", "sh", "-c", "echo still > there"]).ok();
    assert_eq!(lab.home.read("again/there"), "still\n");
}

#[test]
fn an_archives_image_runs_on_an_embedded_exchange() {
    let Some(lab) = Lab::new() else { return };
    let image = Layout::busybox(&json!({ "Entrypoint": ["/bin/busybox"], "Cmd": ["true"] }));
    image.archive(&lab.home.work().join("box.tar"));
    for name in ["a.txt", "b.txt"] {
        lab.home.file(name, format!("this is {name}"));
    }
    let ended = lab.hands("map --image box.tar a.txt b.txt --out out -- cp {in} {out}/{stem}.copy").ok();
    assert!(ended.stderr.contains("2 of 2 tasks done"), "{ended:#?}");
    assert_eq!(lab.home.read("out/b.copy"), "this is b.txt");
    lab.home.file("no.tar", "not a tar at all");
    lab.hands("run --image no.tar").fails(1, &["is no image"]);
}

#[test]
fn a_machine_without_a_runtime_offers_no_containers_and_says_how_to_get_them() {
    let lab = Lab { home: Home::new(), images: TempDir::new().unwrap() };
    Layout::busybox(&json!({})).archive(&lab.home.work().join("box.tar"));
    let _up = lab.up("--no-containers");
    let mut run = lab.start("run --image box.tar -- true");
    run.says("waiting");
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    let mut doctor = lab.command(&["doctor", "--runtime", "crun"]);
    let said: Ended = doctor.env("PATH", lab.home.work()).output().unwrap().into();
    assert!(said.ok().stdout.contains("containers"));
}

#[test]
fn a_script_runs_with_its_packages_in_the_python_that_the_operator_publishes() {
    let Some(lab) = Lab::new() else { return };
    let built = lab.hands("app image --out python3.11.tar --json").ok().json();
    let again = lab.hands("app image --out again.tar --json").ok().json();
    assert_eq!(built["digest"], again["digest"], "the same packages make the same bytes");
    let mut up = lab.start("up --listen 127.0.0.1:0");
    let (url, token) = (up.value("exchange"), up.value("join token"));

    lab.home.file(
        "double.py",
        "import sys, six\nprint(six.__version__)\nopen('twice-' + sys.argv[1], 'w').write(str(2 * int(sys.argv[1])))\n",
    );
    lab.home.file("requirements.txt", "six==1.16.0\n");
    let run = "run double.py --requirements requirements.txt --out out -- 21";
    lab.hands(run).fails(1, &["the operator publishes no Python here", "hands app image"]);

    // The operator's key is in the exchange's folder; whoever has it is the operator.
    let operator = Home::new();
    fs::create_dir_all(operator.path()).unwrap();
    fs::copy(lab.home.path().join("exchange/operator.key"), operator.path().join("key")).unwrap();
    let image = lab.home.work().join("python3.11.tar").display().to_string();
    operator.run(["app", "publish", "--image", &image, "--price", "0", "--exchange", &url, "--join", &token]).ok();

    let ended = lab.hands(run).ok();
    assert_eq!((lab.home.read("out/twice-21").as_str(), ended.stdout.as_str()), ("42", "1.16.0\n"));
    lab.hands("map double.py --requirements requirements.txt --range 5..6 --out many -- {n}").ok();
    assert_eq!(listing(&lab.home.work().join("many")), ["twice-5", "twice-6"]);
    lab.home.file("wrong.py", "raise SystemExit('no')\n");
    lab.hands("run wrong.py").fails(3, &["exit code 1", "| no"]);
}

/// A planner for the tests' app: one task a line of the file, each of which shouts it.
const SHOUT: &str = r##"
use std::{env, fs};
fn main() {
    assert_eq!(env::args().nth(1).as_deref(), Some("plan"));
    let text = fs::read_to_string(format!("/iexec_in/files/{}", env::var("ARG_TEXT").unwrap())).unwrap();
    let tasks = text.lines().map(|line| {
        format!(r#"{{"name":"{line}","args":["sh","-c","busybox tr a-z A-Z < /iexec_in/book.txt | busybox grep {} > {line}"]}}"#, line.to_uppercase())
    });
    let tasks = tasks.collect::<Vec<_>>().join(",");
    fs::write("plan.json", format!(r#"{{"version":1,"files":["book.txt"],"tasks":[{tasks}],"probe":[0]}}"#)).unwrap();
}
"##;

/// An app of that planner whose tasks run this image.
fn shout(home: &Home, name: &str, image: &str) {
    let manifest = format!(
        "name = \"{name}\"\nversion = \"0.1.0\"\nabout = \"Shout\"\n[[program]]\nname = \"box\"\nimage = \"{image}\"\n\
         [[argument]]\nname = \"text\"\nkind = \"file\"\nword = true\nhelp = \"The text.\"\n\
         [split]\nwasm = \"shout.wasm\"\n[check]\nhow = \"exact\"\n"
    );
    let folder = home.work().join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("manyhands.toml"), manifest).unwrap();
    fs::write(folder.join("shout.rs"), SHOUT).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "--target", "wasm32-wasip1", "shout.rs", "-o", "shout.wasm"]);
    let built = rustc.current_dir(&folder).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

#[test]
fn an_apps_image_beside_its_manifest_runs_at_an_exchange_and_here_alike() {
    let Some(lab) = Lab::new() else { return };
    shout(&lab.home, "shout", "box.tar");
    let _up = lab.up("");
    lab.hands("app publish shout").fails(1, &["box.tar is not there"]);
    Layout::busybox(&json!({ "Env": ["PATH=/bin"] })).archive(&lab.home.work().join("shout/box.tar"));
    lab.hands("app publish shout").ok();
    lab.home.file("book.txt", "one\ntwo\nthree\n");
    let far = lab.hands("shout book.txt --trust 3 --out far").ok();
    assert!(far.stderr.contains("quote: 2 tasks") && far.stderr.contains("receipt: "), "{far:#?}");
    lab.hands("shout book.txt --local --out near").ok();
    for name in ["one", "two", "three"] {
        let bytes = lab.home.read(&format!("far/{name}"));
        assert_eq!(
            (bytes.as_str(), lab.home.read(&format!("near/{name}"))),
            (format!("{}\n", name.to_uppercase()).as_str(), bytes.clone())
        );
    }
}

#[test]
fn an_image_that_an_app_calls_by_name_is_the_operators_or_ones_own() {
    let Some(lab) = Lab::new() else { return };
    shout(&lab.home, "shout", "box-1");
    Layout::busybox(&json!({ "Env": ["PATH=/bin"] })).archive(&lab.home.work().join("box-1.tar"));
    let mut up = lab.start("up --listen 127.0.0.1:0");
    let (url, token) = (up.value("exchange"), up.value("join token"));
    lab.hands("app publish shout").ok();
    lab.home.file("book.txt", "one\ntwo\n");
    lab.hands("shout book.txt --out far").fails(1, &["publishes no image called box-1", "hands app use box-1.tar"]);
    lab.hands("shout book.txt --out near --local").fails(1, &["no image is called box-1 here", "hands app use"]);

    let operator = Home::new();
    fs::create_dir_all(operator.path()).unwrap();
    fs::copy(lab.home.path().join("exchange/operator.key"), operator.path().join("key")).unwrap();
    let image = lab.home.work().join("box-1.tar").display().to_string();
    operator.run(["app", "publish", "--image", &image, "--price", "0", "--exchange", &url, "--join", &token]).ok();
    lab.hands("shout book.txt --out far").ok();
    assert_eq!(lab.home.read("far/two"), "TWO\n");

    lab.hands("app use box-1.tar").ok();
    lab.hands("shout book.txt --out near --local").ok();
    assert_eq!(lab.home.read("near/two"), "TWO\n");
    up.signal("INT");
    up.end();
    // Ones own is used where no operator has it, also by an exchange that is started for the purpose.
    lab.hands("shout book.txt --out again").ok();
    assert_eq!(lab.home.read("again/one"), "ONE\n");
}

#[test]
fn an_apps_image_of_a_registry_is_fetched_by_its_digest() {
    let Some(lab) = Lab::new() else { return };
    let registry = Registry::open(SHELF);
    let image = Layout::busybox(&json!({ "Env": ["PATH=/bin"] }));
    push(&registry, &image);
    shout(&lab.home, "shout", &format!("{}/lab/box@{}", registry.address(), digest(&image.manifest)));
    lab.home.file("book.txt", "one\ntwo\n");
    let _up = lab.up(&format!("--registry http://{}", registry.address()));
    lab.hands("app publish shout").ok();
    lab.hands("shout book.txt --out far").ok();
    lab.hands("shout book.txt --out near --local").ok();
    assert_eq!((lab.home.read("far/one"), lab.home.read("near/one")), ("ONE\n".into(), "ONE\n".into()));
}

/// Stands for Blender: checks what a real one would be given, and leaves the texture as each frame.
const RENDER_FRAME: &str = "#!/bin/sh
set -e
[ \"$1 $2 $4\" = 'cube.blend --frame --out' ]
[ \"$6 $7 $8 $9\" = '--tree render-frame.tree --width 16' ]
busybox grep -q '^textures/checks.png\tchecks.png$' /iexec_in/render-frame.tree
[ -s /iexec_in/cube.blend ]
busybox cat /iexec_in/checks.png > \"$5\"
";

#[test]
fn a_blend_is_rendered_by_the_image_of_its_blender_and_its_frames_are_called_as_blender_would() {
    let Some(lab) = Lab::new() else { return };
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/render/src/blend/real");
    let (work, config) = (lab.home.work(), json!({ "Env": ["PATH=/bin"] }));
    fs::create_dir(work.join("textures")).unwrap();
    fs::copy(real.join("cube-4.2.blend"), work.join("cube.blend")).unwrap();
    fs::copy(real.join("checks.png"), work.join("textures/checks.png")).unwrap();
    let image = Layout::with_program(&config, Some(("bin/render-frame", RENDER_FRAME)));
    image.archive(&work.join("blender-4.2.tar"));
    lab.hands("app use blender-4.2.tar").ok();
    let far = lab.hands("render cube.blend --frames 3-8 --width 16 --trust 3 --out far").ok();
    for words in ["Blender 4.2, frames 3 to 8, by blender-4.2", "3 files: 3 sent", "3 tasks first", "quote: 3 tasks"] {
        assert!(far.stderr.contains(words), "{words:?} is not said in {far:#?}");
    }
    lab.hands("render cube.blend --frames 3-8 --width 16 --local --out near").ok();
    let frames: Vec<String> = (3..=8).map(|frame| format!("{frame:04}.png")).collect();
    let kept = |name: &String| !["contact-sheet.png", "receipt.json"].contains(&name.as_str());
    for folder in ["far", "near"] {
        let found: Vec<String> = listing(&work.join(folder)).into_iter().filter(kept).collect();
        assert_eq!(found, frames, "{folder}");
        assert!(work.join(folder).join("contact-sheet.png").exists());
    }
    let receipt: Value = serde_json::from_str(&lab.home.read("far/receipt.json")).unwrap();
    let tasks = receipt["receipt"]["tasks"].as_array().unwrap();
    assert!(tasks.len() == 6 && tasks.iter().all(|task| task["agreed"] == 2), "{receipt}");
    // What the exchange has is not sent again.
    let again = lab.hands("render cube.blend --frames 1-2 --width 16 --out again").ok();
    assert!(again.stderr.contains("3 files: 0 sent"), "{again:#?}");
}

#[test]
fn an_apps_job_that_nobody_can_do_yet_is_left_and_cancelled_and_buys_nothing_more() {
    let lab = Lab { home: Home::new(), images: TempDir::new().unwrap() };
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/render/src/blend/real");
    fs::copy(real.join("cube-4.2.blend"), lab.home.work().join("cube.blend")).unwrap();
    Layout::busybox(&json!({})).archive(&lab.home.work().join("blender-4.2.tar"));
    lab.hands("app use blender-4.2.tar").ok();
    let _up = lab.up("--no-containers");
    let left = lab.hands("render cube.blend --ignore-missing --time-limit 5m --detach").ok();
    let job = left.stdout.trim();
    let cancelled = lab.hands(&format!("job cancel {job}")).ok();
    assert_eq!(cancelled.stdout, "cancelled: nothing more is bought; 0 of 24 tasks had been\n");
    assert_eq!(lab.hands(&format!("job show {job} --json")).ok().json()["state"], "cancelled");
}
