//! One function a hot path; each prepares outside of [`counted`].

use crate::counted;
use crate::world::{Trust, World, key, request};
use blobs::Store;
use book::{Book, Facts};
use exchange::{Command, Exchange};
use journal::{Journal, format};
use orders::{AppOrder, Checked, CheckedBatch, Complete, Signed, WorkerBatch, WorkerpoolOrder};
use sandbox::{Program, Run, Sandbox};
use std::collections::BTreeMap;
use std::hint::black_box;
use units::{Address, Amount, B256, Bytes, Digest, OrderHash, TaskId, U256};

/// Tasks of a measured job.
const TASKS: u64 = 512;
/// Tasks of a job that two workers can hold at once.
const FEW: u64 = 32;

pub(crate) fn order_check() -> u64 {
    let (domain, key) = (World::new(Trust::One).domain(), key(2));
    let orders: Vec<_> = (0..16)
        .map(|salt| Signed::with(request(Address::repeat_byte(1), key.address(), 1, 1_000, salt), &domain, &key))
        .collect();
    let count = orders.len() as u64;
    counted(|| {
        for order in orders {
            assert!(Checked::recover(order, &domain).signer.is_by(key.address()), "the signature is good");
        }
    });
    count
}

pub(crate) fn batch_check() -> u64 {
    let (domain, key) = (World::new(Trust::One).domain(), key(0x10));
    let completes = (0..16_u8).map(|number| {
        let (task, digest) = (TaskId(B256::repeat_byte(number)), B256::repeat_byte(0x80 | number));
        Complete { task, digest, failed: false, blob: Digest(digest), callback: Bytes::new() }
    });
    let worker = key.address();
    let batch = WorkerBatch { worker, sequence: 1, completes: completes.collect(), ..WorkerBatch::default() };
    let signed = batch.sign(&domain, &key);
    let batch = counted(|| CheckedBatch::recover(signed, &domain));
    assert!(batch.is_genuine(), "the signature is good");
    batch.batch().completes.len() as u64
}

/// Entries of a record.
const RECORD: usize = 64;

/// Everybody can pay, nobody is a member of anything, each pool has ten machines.
struct Calm;

impl Facts for Calm {
    fn is_member(&self, _: Address, _: Address) -> bool {
        false
    }

    fn free(&self, _: Address) -> Amount {
        Amount::credits(1_000_000)
    }

    fn room(&self, _: Address) -> Option<u64> {
        None
    }

    fn pool_owner(&self, pool: Address) -> Option<Address> {
        Some(pool)
    }

    fn machines(&self, _: &WorkerpoolOrder) -> Option<u64> {
        Some(10)
    }

    fn seconds(&self, category: U256) -> Option<u64> {
        Some(60 * category.saturating_to::<u64>())
    }
}

/// How often a book is asked.
const ASKED: u64 = 64;

pub(crate) fn book_search() -> u64 {
    let (book, bid) = stocked();
    counted(|| {
        for _ in 0..ASKED {
            assert!(black_box(book.best(black_box(bid), &Calm)).is_ok(), "an offer fits");
        }
    });
    ASKED
}

pub(crate) fn explain() -> u64 {
    let (book, bid) = stocked();
    counted(|| {
        for _ in 0..ASKED {
            assert!(black_box(book.explain(black_box(bid), &Calm)).is_some(), "the request rests");
        }
    });
    ASKED
}

/// A thousand offers in 60 classes, and a request that half of them are too unsure of their results for.
fn stocked() -> (Book, OrderHash) {
    let name = |number: u64| OrderHash(B256::from(U256::from(number)));
    let app = Address::repeat_byte(1);
    let mut book = Book::default();
    let sale = AppOrder { app, volume: U256::from(1_000_000), ..AppOrder::default() };
    book.insert(name(0), book::AnyOrder::App(sale), U256::from(1_000_000), 0);
    for number in 1..=1_000_u64 {
        let order = WorkerpoolOrder {
            workerpool: Address::from_word(U256::from(1_000 + number % 20).into()),
            workerpoolprice: Amount::nanos(1_000 + number),
            volume: U256::from(10),
            trust: U256::from(2_u64 << (number % 3)),
            salt: name(number).0,
            ..WorkerpoolOrder::default()
        };
        book.insert(name(number), book::AnyOrder::Workerpool(order), U256::from(10), number);
    }
    let bid = name(u64::MAX);
    let order = request(app, Address::repeat_byte(3), 6, 100, 0);
    book.insert(bid, book::AnyOrder::Request(order), U256::from(100), u64::MAX);
    (book, bid)
}

pub(crate) fn matched() -> u64 {
    const BIDS: u64 = 32;
    let mut world = World::new(Trust::One);
    world.settle();
    let bids: Vec<_> = (0..BIDS).map(|_| world.bid(1)).collect();
    counted(|| {
        for bid in bids {
            world.place(bid);
            world.decide();
        }
    });
    let matches = world.matches();
    assert!(matches >= 1, "a bid crosses");
    BIDS
}

pub(crate) fn grant() -> u64 {
    let mut world = World::new(Trust::One);
    world.settle();
    let bid = world.bid(TASKS);
    world.place(bid);
    let mut granted = 0;
    loop {
        counted(|| world.decide());
        let assigned = world.assigned();
        if assigned == 0 {
            return granted;
        }
        granted += assigned;
        world.state(false);
    }
}

pub(crate) fn statement() -> u64 {
    let mut world = World::new(Trust::One);
    world.settle();
    let bid = world.bid(TASKS);
    world.place(bid);
    while world.decide_and_count() > 0 {
        world.state(true);
    }
    finished(&world, TASKS)
}

/// Two workers have a task each, of a job that they can hold whole.
fn granted() -> World {
    let mut world = World::new(Trust::Two);
    world.settle();
    let bid = world.bid(FEW);
    world.place(bid);
    world.decide();
    world
}

pub(crate) fn commit() -> u64 {
    let mut world = granted();
    let commitments = world.assigned();
    world.commit(true);
    counted(|| world.decide());
    commitments
}

pub(crate) fn settle() -> u64 {
    let mut world = granted();
    world.commit(false);
    world.decide();
    while world.has_work() {
        world.state(true);
        counted(|| world.decide());
    }
    finished(&world, FEW)
}

pub(crate) fn cycle_trust1() -> u64 {
    cycle(Trust::One)
}

pub(crate) fn cycle_two() -> u64 {
    cycle(Trust::Two)
}

fn cycle(trust: Trust) -> u64 {
    let mut world = World::new(trust);
    world.settle();
    let bid = world.bid(TASKS);
    counted(|| world.place(bid));
    loop {
        counted(|| world.decide());
        if !world.has_work() {
            return finished(&world, TASKS);
        }
        world.state(true);
    }
}

fn finished(world: &World, tasks: u64) -> u64 {
    assert_eq!(world.finished(), tasks, "every task is settled");
    tasks
}

/// A world in which a job of two replicas has run.
fn lived() -> World {
    let mut world = World::new(Trust::Two);
    world.settle();
    let bid = world.bid(TASKS);
    world.place(bid);
    while world.decide_and_count() > 0 {
        world.state(false);
    }
    world
}

pub(crate) fn journal_encode() -> u64 {
    let entries = lived().entries;
    counted(|| {
        for entry in &entries {
            black_box(format::encode_entry(entry));
        }
    });
    entries.len() as u64
}

pub(crate) fn journal_decode() -> u64 {
    let world = lived();
    let encoded: Vec<Vec<u8>> = world.entries.iter().map(format::encode_entry).collect();
    let domain = world.domain();
    counted(|| {
        for bytes in &encoded {
            assert!(format::decode_entry(black_box(bytes), &domain).is_ok(), "what was encoded decodes");
        }
    });
    encoded.len() as u64
}

pub(crate) fn journal_append() -> u64 {
    let world = lived();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut journal = Journal::create(folder.path(), &world.genesis()).expect("a journal can be made");
    counted(|| {
        for entries in world.entries.chunks(RECORD) {
            journal.append(entries, None).expect("a record is written");
        }
    });
    world.entries.len() as u64
}

pub(crate) fn blob_put() -> u64 {
    const MIB: usize = 4;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = Store::open(folder.path(), None).expect("a store can be opened");
    let content = vec![7; MIB << 20];
    counted(|| store.put(&content).expect("a blob is stored"));
    MIB as u64
}

pub(crate) fn sandbox_start() -> u64 {
    const RUNS: u64 = 8;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let open = |name: &str| folder.path().join(name);
    let sandbox = Sandbox::open(&open("programs"), &open("scratch")).expect("a sandbox can be opened");
    let nothing = Program::from_bytes(bundle::NOTHING);
    let start = || sandbox.run(&Run::new(nothing.clone())).expect("the program that does nothing runs");
    drop(start());
    counted(|| {
        for _ in 0..RUNS {
            black_box(start());
        }
    });
    RUNS
}

pub(crate) fn replay_apply() -> u64 {
    let world = lived();
    let mut exchange = Exchange::new(world.genesis());
    let mut events = Vec::new();
    counted(|| {
        for entry in &world.entries {
            events.clear();
            exchange.apply(entry, &mut events).expect("what was accepted once is accepted again");
        }
    });
    assert_eq!(&exchange, world.exchange(), "the same entries make the same state");
    world.entries.len() as u64
}

pub(crate) fn state_digest() -> u64 {
    let mut world = World::new(Trust::Two);
    world.settle();
    let bid = world.bid(TASKS);
    world.place(bid);
    // Committed, and not yet revealed.
    world.decide();
    let live = world.assigned();
    world.commit(false);
    counted(|| black_box(world.exchange().state_digest()));
    live
}

pub(crate) fn results_digest() -> u64 {
    const RESULTS: u64 = 32;
    let files: BTreeMap<String, Vec<u8>> =
        (0..3_u8).map(|number| (format!("out/{number}.bin"), vec![number; 1_000])).collect();
    counted(|| {
        for _ in 0..RESULTS {
            let (bytes, encoded) = results::encode(black_box(b"a line\n"), black_box(&files)).expect("plain names");
            black_box((results::sha256(&bytes), encoded));
        }
    });
    RESULTS
}

/// Whether an entry matched four orders.
pub(crate) fn is_match(command: &Command) -> bool {
    matches!(command, Command::Match { .. })
}
