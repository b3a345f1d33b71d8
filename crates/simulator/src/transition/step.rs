//! What may happen.

use crate::network::{Down, Up};
use crate::system::Wish;
use abi::Call;
use orders::Recovered;
use units::{Address, DealId, TaskId, Timestamp};

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A requester wants something, or wants it still.
    Wish {
        job: usize,
        wish: Wish,
    },
    /// A requester's call reaches the exchange.
    Asked {
        job: usize,
        wish: Wish,
    },
    /// An answer reaches its requester.
    Answered {
        job: usize,
        wish: Wish,
    },
    /// Somebody's transaction reaches the exchange.
    Transact {
        from: Address,
        call: Box<Call>,
        signers: Vec<Recovered>,
    },
    Turn {
        life: u32,
    },
    Durable {
        life: u32,
    },
    Wake {
        life: u32,
    },
    Crash,
    /// The process will die at the write after so many others, which is on disk or not.
    SetTrap {
        writes: u64,
        lands: bool,
    },
    Start,
    Up {
        connection: u64,
        said: Up,
    },
    Down {
        connection: u64,
        said: Down,
    },
    ServerMisses {
        connection: u64,
    },
    MachineMisses {
        connection: u64,
    },
    Connect {
        machine: usize,
        life: u32,
    },
    Tick {
        machine: usize,
        life: u32,
        at: Timestamp,
    },
    Prepared {
        machine: usize,
        life: u32,
        task: TaskId,
        there: bool,
    },
    RunEnded {
        machine: usize,
        life: u32,
        run: u64,
    },
    Uploaded {
        machine: usize,
        life: u32,
        task: TaskId,
    },
    Break {
        machine: usize,
    },
    MachineDies {
        machine: usize,
    },
    Vanish {
        machine: usize,
    },
    Part {
        machine: usize,
    },
    Rejoin {
        machine: usize,
    },
    OwnerNeeds {
        machine: usize,
        needs: bool,
    },
    PartRequester {
        requester: u64,
    },
    RejoinRequester {
        requester: u64,
    },
    MachineClockJumps {
        machine: usize,
        by_ms: i64,
    },
    OperatorClockJumps {
        by_ms: i64,
    },
    ComeBackAnew {
        machine: usize,
    },
    /// Its owner's rule or its site's wish changed.
    Restate {
        machine: usize,
        floor: Option<u64>,
        heat: u8,
    },
    /// A requester matches its job itself, with what rests.
    MatchItself {
        job: usize,
        tries: u32,
    },
    /// Somebody says how a deal went; not everybody who says so took part.
    Rate {
        deal: DealId,
        rater: Address,
        subject: Address,
        /// Whether it is the rater's to say.
        due: bool,
    },
    Quiet,
}
