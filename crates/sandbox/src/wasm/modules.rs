//! Programs, compiled once: kept in memory while in use, and on disk by their digest.

use super::calls;
use super::host::Host;
use crate::run::{OpenError, Program, RunError, Source};
use results::InvalidModule;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use units::Digest;
use wasmtime::{Engine, ExternType, InstancePre, Linker, Module};

/// The WASI of before 2020.
const OLD_WASI: &str = "wasi_unstable";
/// The largest module that is compiled, in bytes.
const MAX_MODULE_BYTES: u64 = 256 << 20;
/// Compiled programs kept in memory.
const MEMORY_PROGRAMS: usize = 64;
/// Bytes of compiled programs kept on disk from one start to the next.
const DISK_BYTES: u64 = 4 << 30;

/// A program that has been looked at.
#[derive(Clone)]
pub(super) enum Prepared {
    /// Ready to be started.
    Ready(InstancePre<Host>),
    /// It can never be started; and why, in words.
    Invalid(InvalidModule, String),
}

/// What is known of one program; its lock is held while the program is compiled.
type Slot = Arc<Mutex<Option<Prepared>>>;

/// An engine, and the calls that its programs may make.
struct Ground {
    engine: Engine,
    linker: Linker<Host>,
}

impl Ground {
    fn new(engine: Engine) -> wasmtime::Result<Self> {
        let linker = calls::linker(&engine)?;
        Ok(Self { engine, linker })
    }
}

/// Compiled programs of one kind of engine.
pub(super) struct Modules {
    /// Runs every program.
    plain: Ground,
    /// Starts those faster that fit its pool.
    pooled: Option<Ground>,
    folder: PathBuf,
    /// Differs between engines that cannot run each other's code.
    compatibility: u64,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_digest: BTreeMap<Digest, (Slot, u64)>,
    uses: u64,
}

impl Modules {
    /// Programs of `engine`, and of `pooled` where that is there and runs the same code.
    pub(super) fn new(engine: Engine, pooled: Option<Engine>, folder: &Path) -> wasmtime::Result<Self> {
        let compatibility = compatibility(&engine);
        let pooled =
            pooled.filter(|pooled| self::compatibility(pooled) == compatibility).map(Ground::new).transpose()?;
        let plain = Ground::new(engine)?;
        Ok(Self { plain, pooled, folder: folder.to_owned(), compatibility, slots: Mutex::default() })
    }

    pub(super) fn engines(&self) -> impl Iterator<Item = &Engine> {
        std::iter::once(&self.plain).chain(&self.pooled).map(|ground| &ground.engine)
    }

    /// The program, compiled; from memory, from disk, or from its source.
    pub(super) fn prepare(&self, program: &Program) -> Result<Prepared, RunError> {
        let slot = self.slot(program.digest);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = &*slot {
            return Ok(prepared.clone());
        }
        let prepared = match self.load(&program.digest) {
            Some(module) => self.link(&module),
            None => self.compile(program)?,
        };
        Ok(slot.insert(prepared).clone())
    }

    fn slot(&self, digest: Digest) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.uses += 1;
        let uses = slots.uses;
        let (slot, used) = slots.by_digest.entry(digest).or_default();
        *used = uses;
        let slot = Arc::clone(slot);
        if slots.by_digest.len() > MEMORY_PROGRAMS
            && let Some(oldest) = slots.by_digest.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| *digest)
        {
            slots.by_digest.remove(&oldest);
        }
        slot
    }

    fn compile(&self, program: &Program) -> Result<Prepared, RunError> {
        let bytes = match &program.source {
            Source::Bytes(bytes) => Arc::clone(bytes),
            Source::File(path) => {
                let length = fs::metadata(path).map_err(RunError::Program)?.len();
                if length > MAX_MODULE_BYTES {
                    return Ok(invalid(InvalidModule::TooLarge));
                }
                fs::read(path).map_err(RunError::Program)?.into()
            }
        };
        let found = results::sha256(&bytes);
        if found != program.digest {
            return Err(RunError::WrongProgram { expected: program.digest, found });
        }
        if bytes.len() as u64 > MAX_MODULE_BYTES {
            return Ok(invalid(InvalidModule::TooLarge));
        }
        match bytes.get(..8) {
            Some(b"\0asm\x01\0\0\0") => {}
            // The upper half of a component's version is its layer, 1.
            Some([0, b'a', b's', b'm', _, _, 1, 0]) => return Ok(invalid(InvalidModule::Component)),
            Some(_) | None => return Ok(invalid(InvalidModule::NotWasm)),
        }
        if let Err(error) = Module::validate(&self.plain.engine, &bytes) {
            return Ok(Prepared::Invalid(InvalidModule::Malformed, format!("{error:#}")));
        }
        // What is valid and yet does not compile may be this machine's trouble, so it is not said to be the program's.
        let module = Module::from_binary(&self.plain.engine, &bytes)
            .map_err(|error| RunError::Machinery { detail: format!("{error:#}") })?;
        let Ok(code) = module.serialize() else { return Ok(self.link(&module)) };
        self.keep(&program.digest, &code);
        Ok(self.link(&self.revive(&code).unwrap_or(module)))
    }

    /// Joins a module with the calls it may make.
    fn link(&self, module: &Module) -> Prepared {
        for import in module.imports() {
            let known = import.module() == calls::MODULE && calls::NAMES.contains(&import.name());
            if !known {
                let hint = if import.module() == OLD_WASI { "; build it for wasm32-wasip1" } else { "" };
                let detail = format!(
                    "it imports `{}` from `{}`; only functions of `{}` are here{hint}",
                    import.name(),
                    import.module(),
                    calls::MODULE
                );
                return Prepared::Invalid(InvalidModule::Import, detail);
            }
        }
        let start = module.get_export("_start");
        let is_command = matches!(
            &start,
            Some(ExternType::Func(start)) if start.params().len() == 0 && start.results().len() == 0
        );
        if !is_command {
            return invalid(InvalidModule::NoStart);
        }
        let pooled = self.pooled.as_ref().filter(|pooled| Engine::same(&pooled.engine, module.engine()));
        match pooled.unwrap_or(&self.plain).linker.instantiate_pre(module) {
            Ok(ready) => Prepared::Ready(ready),
            Err(error) => Prepared::Invalid(InvalidModule::Import, format!("{error:#}")),
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{:016x}.cwasm", digest.hex(), self.compatibility))
    }

    /// What the cached file's first 32 bytes must be: it binds the code to the program it was made from. The code itself is in it
    /// by length and checksum: that finds what a disk or a crash does to a file, and whoever could make a file with the same
    /// checksum could write any seal.
    fn seal(&self, digest: &Digest, code: &[u8]) -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(b"manyhands compiled module 2")
            .chain_update(digest.0)
            .chain_update(self.compatibility.to_be_bytes())
            .chain_update((code.len() as u64).to_be_bytes())
            .chain_update(crc32fast::hash(code).to_be_bytes());
        hash.finalize().into()
    }

    /// A compiled program that an earlier run of this machine left. Whatever is not exactly that is passed over.
    fn load(&self, digest: &Digest) -> Option<Module> {
        let path = self.path(digest);
        let bytes = fs::read(&path).ok()?;
        let (seal, code) = bytes.split_first_chunk::<32>()?;
        if *seal != self.seal(digest, code) {
            drop(fs::remove_file(&path));
            return None;
        }
        self.revive(code)
    }

    /// Compiled code as a module of the engine that starts it fastest.
    fn revive(&self, code: &[u8]) -> Option<Module> {
        let revive = |ground: &Ground| {
            #[expect(unsafe_code, reason = "wasmtime cannot check compiled code; the folder is ours alone")]
            // SAFETY: the bytes are what `Module::serialize` gave an engine of this compatibility: they were made just now, or
            // lie in a folder that only this user can write (checked when the sandbox was opened), and their seal rules out
            // damage and mix-ups.
            let module = unsafe { Module::deserialize(&ground.engine, code) };
            module.ok()
        };
        let pooled = self.pooled.as_ref().and_then(revive).filter(fits);
        pooled.or_else(|| revive(&self.plain))
    }

    /// Leaves a compiled program for later runs. A cache that cannot be written costs time and nothing else.
    fn keep(&self, digest: &Digest, code: &[u8]) {
        let Ok(mut file) = tempfile::Builder::new().prefix("new-").tempfile_in(&self.folder) else { return };
        let written = file.write_all(&self.seal(digest, code)).and_then(|()| file.write_all(code));
        if written.is_ok() {
            drop(file.persist(self.path(digest)));
        }
    }
}

/// Differs between engines that cannot run each other's code.
fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

/// Whether a program can be run from the pool as it would be without: its one memory is the usual one of 32 bits, which the
/// pool has whole, and of tables, which may grow as far as any, it has one.
fn fits(module: &Module) -> bool {
    let needed = module.resources_required();
    let usual = |memory: Option<ExternType>| matches!(memory, Some(ExternType::Memory(memory)) if !memory.is_64());
    needed.num_tables <= 1
        && needed.num_memories <= 1
        && (needed.num_memories == 0 || usual(module.get_export("memory")))
}

fn invalid(why: InvalidModule) -> Prepared {
    Prepared::Invalid(why, why.to_string())
}

/// Makes the cache folder, or checks that it is this user's alone: whoever can write into it can run code as this user.
/// Then removes what is oldest where it has grown too large.
pub(super) fn open_cache(folder: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let ours = tempfile::NamedTempFile::new_in(folder).and_then(|file| file.as_file().metadata());
        let metadata = fs::symlink_metadata(folder).map_err(failed)?;
        if !metadata.is_dir() || metadata.mode() & 0o077 != 0 || metadata.uid() != ours.map_err(failed)?.uid() {
            return Err(OpenError::NotPrivate { folder: folder.to_owned() });
        }
    }
    sweep(folder).map_err(failed)
}

/// Removes half-written files and, oldest first, what is more than [`DISK_BYTES`].
fn sweep(folder: &Path) -> std::io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let whole = entry.path().extension().is_some_and(|extension| extension == "cwasm");
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.push((whole, modified, metadata.len(), entry.path()));
    }
    // Newest first, half-written ones last.
    found.sort_unstable();
    let mut kept = 0_u64;
    for (whole, _, length, path) in found.into_iter().rev() {
        kept = kept.saturating_add(length);
        if !whole || kept > DISK_BYTES {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
