//! Small WebAssembly commands, each for one behaviour.

/// A WASI command with this body of `_start`; bytes 16.. of its memory hold `hello\n`.
fn command(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "hello\n")
            (func $say (param $from i32) (param $length i32)
                (i32.store (i32.const 0) (local.get $from))
                (i32.store (i32.const 4) (local.get $length))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
            (func (export "_start") {body}))"#
    );
    wat::parse_str(text).expect("the guest is well-formed")
}

/// Prints `hello` and a line's end.
pub(crate) fn hello() -> Vec<u8> {
    command("(call $say (i32.const 16) (i32.const 6))")
}

/// Prints 20,000 bytes, more than ride in a frame.
pub(crate) fn large() -> Vec<u8> {
    command("(call $say (i32.const 64) (i32.const 20000))")
}

/// Prints its arguments, the program's name among them, each ended by a NUL.
pub(crate) fn arguments() -> Vec<u8> {
    command(
        "(drop (call $args_sizes (i32.const 32) (i32.const 36)))
         (drop (call $args (i32.const 1024) (i32.const 8192)))
         (call $say (i32.const 8192) (i32.load (i32.const 36)))",
    )
}

/// Never ends.
pub(crate) fn endless() -> Vec<u8> {
    command("(loop (br 0))")
}

/// Crashes.
pub(crate) fn crash() -> Vec<u8> {
    command("unreachable")
}

/// Asks for 4 MiB more, and prints its greeting whether it gets them or not.
pub(crate) fn greedy() -> Vec<u8> {
    command("(drop (memory.grow (i32.const 64))) (call $say (i32.const 16) (i32.const 6))")
}
