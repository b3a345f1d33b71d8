//! The calls of WASI preview 1, by name. What each does is in `files`, `paths` and `process`.

use super::host::{Answer, Host};
use super::memory::Memory;
use crate::world::{Errno, Fault, Stop};
use wasmtime::{Caller, Engine, Extern, Linker};

/// The only module that programs may import from.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Defines the calls that answer with an error number, and the list of all names.
macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        /// The names of all calls.
        pub(super) const NAMES: &[&str] = &["proc_exit", $(stringify!($name)),*];

        fn define(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
            $(
                linker.func_wrap(
                    MODULE,
                    stringify!($name),
                    |caller: Caller<'_, Host>, $($argument: $kind),*| {
                        enter(caller, |host, memory| host.$name(memory, $($argument),*))
                    },
                )?;
            )*
            Ok(())
        }
    };
}

calls! {
    args_get(argv: u32, buffer: u32);
    args_sizes_get(count: u32, size: u32);
    environ_get(environ: u32, buffer: u32);
    environ_sizes_get(count: u32, size: u32);
    clock_res_get(clock: u32, resolution: u32);
    clock_time_get(clock: u32, precision: u64, time: u32);
    fd_advise(fd: u32, offset: u64, length: u64, advice: u32);
    fd_allocate(fd: u32, offset: u64, length: u64);
    fd_close(fd: u32);
    fd_datasync(fd: u32);
    fd_fdstat_get(fd: u32, stat: u32);
    fd_fdstat_set_flags(fd: u32, flags: u32);
    fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
    fd_filestat_get(fd: u32, stat: u32);
    fd_filestat_set_size(fd: u32, size: u64);
    fd_filestat_set_times(fd: u32, access: u64, change: u64, flags: u32);
    fd_pread(fd: u32, vectors: u32, count: u32, offset: u64, read: u32);
    fd_prestat_get(fd: u32, prestat: u32);
    fd_prestat_dir_name(fd: u32, path: u32, length: u32);
    fd_pwrite(fd: u32, vectors: u32, count: u32, offset: u64, written: u32);
    fd_read(fd: u32, vectors: u32, count: u32, read: u32);
    fd_readdir(fd: u32, buffer: u32, length: u32, cookie: u64, used: u32);
    fd_renumber(from: u32, to: u32);
    fd_seek(fd: u32, offset: i64, whence: u32, position: u32);
    fd_sync(fd: u32);
    fd_tell(fd: u32, position: u32);
    fd_write(fd: u32, vectors: u32, count: u32, written: u32);
    path_create_directory(fd: u32, path: u32, length: u32);
    path_filestat_get(fd: u32, flags: u32, path: u32, length: u32, stat: u32);
    path_filestat_set_times(fd: u32, lookup: u32, path: u32, length: u32, access: u64, change: u64, flags: u32);
    path_link(old: u32, lookup: u32, path: u32, length: u32, new: u32, new_path: u32, new_length: u32);
    path_open(fd: u32, lookup: u32, path: u32, length: u32, oflags: u32, base: u64, inheriting: u64, flags: u32, opened: u32);
    path_readlink(fd: u32, path: u32, length: u32, buffer: u32, size: u32, used: u32);
    path_remove_directory(fd: u32, path: u32, length: u32);
    path_rename(fd: u32, path: u32, length: u32, new: u32, new_path: u32, new_length: u32);
    path_symlink(target: u32, target_length: u32, fd: u32, path: u32, length: u32);
    path_unlink_file(fd: u32, path: u32, length: u32);
    poll_oneoff(subscriptions: u32, events: u32, count: u32, happened: u32);
    proc_raise(signal: u32);
    random_get(buffer: u32, length: u32);
    sched_yield();
    sock_accept(fd: u32, flags: u32, accepted: u32);
    sock_recv(fd: u32, vectors: u32, count: u32, flags: u32, received: u32, out_flags: u32);
    sock_send(fd: u32, vectors: u32, count: u32, flags: u32, sent: u32);
    sock_shutdown(fd: u32, how: u32);
}

/// All calls, joined to their names.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    define(&mut linker)?;
    linker.func_wrap(MODULE, "proc_exit", |mut caller: Caller<'_, Host>, code: u32| -> wasmtime::Result<()> {
        Err(end(caller.data_mut(), Stop::Exit(code)))
    })?;
    Ok(linker)
}

/// Gives a call the program's memory and turns its answer into an error number, or into the run's end.
fn enter(
    mut caller: Caller<'_, Host>,
    call: impl FnOnce(&mut Host, &mut Memory<'_>) -> Answer,
) -> wasmtime::Result<u32> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => {
                caller.data_mut().memory = Some(memory);
                memory
            }
            Some(_) | None => return Ok(Errno::Fault as u32),
        },
    };
    let (bytes, host) = memory.data_and_store_mut(&mut caller);
    match call(host, &mut Memory(bytes)) {
        Ok(()) => Ok(0),
        Err(Fault::Errno(errno)) => Ok(errno as u32),
        Err(Fault::Stop(stop)) => Err(end(host, stop)),
    }
}

/// Ends the run from within a call.
fn end(host: &mut Host, stop: Stop) -> wasmtime::Error {
    host.stop.get_or_insert(stop);
    wasmtime::Error::from(wasmtime::Trap::Interrupt)
}
