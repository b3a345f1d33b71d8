//! Every limit a stranger can meet, in one place.

use std::time::Duration;

/// Version of the HTTP face and the worker protocol; a hello of another major version is refused.
pub const PROTOCOL_VERSION: u32 = 1;
/// Largest JSON body of a request, bytes.
pub const JSON_BODY_BYTES: usize = 1 << 20;
/// Largest WebSocket frame either side accepts, bytes.
pub const FRAME_BYTES: usize = 4 << 20;
/// Largest blob, bytes.
pub const BLOB_BYTES: u64 = 16 << 30;
/// A blob is fetched in parts of so many bytes.
pub const BLOB_PART_BYTES: u64 = 8 << 20;
/// So many parts at once, at most: one connection alone does not fill a long line, since a kernel lets only so much be on its way.
pub const BLOB_PARTS: usize = 6;
/// A file of more bytes than this is looked at for stretches that the exchange has in other files of the sender's.
pub const CHUNKED_FROM: u64 = 4 << 20;
/// Such a stretch's least, usual and most bytes.
pub const CHUNK_BYTES: (usize, usize, usize) = (64 << 10, 256 << 10, 1 << 20);
/// So many files that may have such stretches are looked at, at most.
pub const ALIKE_FILES: usize = 64;
/// Bytes of those files together: twice the file's own, or this if that is more.
pub const ALIKE_BYTES: u64 = 1 << 30;
/// What says which pieces a part is made of, bytes at most.
pub const PIECES_BYTES: usize = 256 << 10;
/// A result up to this size rides in the frame that states it; a larger one is uploaded by one winner.
pub const INLINE_RESULT_BYTES: usize = 16 << 10;
/// Kept of a task's standard error and output, bytes each.
pub const TAIL_BYTES: usize = 4 << 10;
/// Longest `params` of a request order, bytes.
pub const PARAMS_BYTES: usize = 64 << 10;
/// Largest task table of a job, bytes.
pub const TABLE_BYTES: u64 = 256 << 20;
/// Most tasks in one request order.
pub const JOB_TASKS: u64 = 100_000_000;
/// Most input files of one task.
pub const TASK_INPUTS: usize = 1_000;
/// Largest price or volume accepted from outside: what a JSON number carries exactly (iExec's gateway has the same cap).
pub const SAFE_INTEGER: u64 = (1 << 53) - 1;
/// Most items of one kind in a worker's frame.
pub const BATCH_ITEMS: usize = 4_096;
/// Most assignments a worker may hold.
pub const CREDIT_WINDOW: u32 = 4_096;
/// Most orders placed by one request.
pub const ORDERS_AT_ONCE: usize = 512;
/// Most open orders of one maker and kind.
pub const OPEN_ORDERS: usize = 50;
/// Most categories a worker may name a floor for.
pub const FLOORS: usize = 256;
/// Most deals that a job names.
pub const JOB_DEALS: u64 = 1_000;
/// Longest region a worker may name, bytes.
pub const REGION_BYTES: usize = 64;
/// Most files a worker may say it holds.
pub const CACHED_FILES: usize = 1_024;
/// Most machines on a provider's page.
pub const PROVIDER_MACHINES: usize = 1_000;
/// Most ratings on a provider's page.
pub const PROVIDER_RATINGS: u64 = 100;
/// Page size by default and at most.
pub const PAGE_DEFAULT: usize = 20;
/// Most rows in a page.
pub const PAGE_MOST: usize = 1_000;
/// Most journal bytes in one answer.
pub const JOURNAL_RANGE_BYTES: usize = 8 << 20;
/// A connection silent for this long is lost.
pub const SILENCE: Duration = Duration::from_secs(30);
/// How often either side of a worker's connection says something.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a worker has to say hello.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a sign-in lasts.
pub const SESSION: Duration = Duration::from_secs(24 * 3600);
/// How long a challenge can be answered.
pub const CHALLENGE: Duration = Duration::from_secs(300);
/// How long a repeat of a request with the same client-made id gets the first answer.
pub const REQUEST_ID: Duration = Duration::from_secs(24 * 3600);
/// Memory of one task, MiB.
pub const TASK_MEMORY_MIB: u64 = 2_048;
/// Output of one task: all files together, MiB.
pub const OUTPUT_MIB: u64 = 4_096;
/// Output of one task: number of files.
pub const OUTPUT_FILES: u64 = 100_000;
/// Largest app, bytes.
pub const APP_BYTES: u64 = 256 << 20;
/// Requests that one address may make at once, before [`REQUEST_RATE`] holds.
pub const REQUEST_BURST: u32 = 20_000;
/// Requests a second that one address may make for long.
pub const REQUEST_RATE: u32 = 2_000;
/// Answers kept for repeats under a client-made id.
pub const REQUEST_IDS: usize = 100_000;
/// Longest client-made id of a request, bytes.
pub const REQUEST_ID_BYTES: usize = 128;
/// Event streams (`/v1/jobs/{id}/events`) open at once.
pub const EVENT_STREAMS: usize = 10_000;

/// What a request tells its judge, bytes with one for each argument.
pub const CHECK_BYTES: usize = 4 << 10;
