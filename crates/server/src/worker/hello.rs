//! The first two frames: the exchange's challenge, the worker's hello, and everything that is checked about it.

use super::outbox::Out;
use super::{Arrival, Farewell, Heard, Seat, Sink, Wire, send};
use crate::convert;
use crate::core::State;
use crate::shared::Shared;
use api::limits;
use api::worker::FromWorker;
use api::worker::{Hello, ToWorker};
use orders::hello::{Ownership, WorkerHello};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::time::Instant;
use units::Amount;

/// Most pools that a refusal names.
const NAMED: usize = 20;

pub(super) type Joined = (Arc<Seat>, mpsc::UnboundedReceiver<Vec<Out>>);

/// Challenges, hears and checks the hello, joins the loop, welcomes. `None`: the worker went away.
pub(super) async fn greet(shared: &Shared, sink: &mut Sink, wire: &mut Wire) -> Result<Option<Joined>, Farewell> {
    let challenge = crate::access::random_text();
    let first = ToWorker::Challenge {
        version: limits::PROTOCOL_VERSION,
        chain_id: shared.genesis.chain_id,
        hub: shared.genesis.hub,
        challenge: challenge.clone(),
    };
    if !send(sink, &first).await {
        return Ok(None);
    }
    let hello = match wire.next(Instant::now() + limits::HELLO_TIMEOUT).await? {
        Heard::Closed => return Ok(None),
        Heard::Frame(FromWorker::Hello(hello)) => *hello,
        Heard::Frame(_) => return Err(Farewell::refused("hello_expected", "the first frame is the hello")),
        Heard::Malformed(error) => return Err(Farewell::refused("malformed", error)),
    };
    check(shared, &hello, challenge)?;
    check_pool(shared, &hello).await?;
    let session = shared.sessions.fetch_add(1, Ordering::Relaxed);
    let seat = Arc::new(Seat::new(hello.worker, session, hello.nonce));
    if !shared.seats.take(&seat) {
        return Err(Farewell::lost("stale_hello", "a connection of this worker with a greater number is open"));
    }
    let (sender, outbox) = mpsc::unbounded_channel();
    let arrival = Arrival {
        seat: Arc::clone(&seat),
        worker: convert::worker(&hello),
        owner_signature: hello.owner_signature.filter(|_| hello.owner != hello.worker).unwrap_or_default(),
        cached: hello.cached,
        holding: hello.holding,
        outbox: sender,
    };
    let Some(joined) = shared.core.join(arrival).await else {
        shared.seats.leave(&seat);
        return Err(Farewell::lost("stopping", "the exchange is stopping"));
    };
    seat.hold(joined.adopted.iter().cloned());
    let (token, _) = shared.access.token(hello.worker, shared.clock.now());
    let welcome = ToWorker::Welcome {
        token,
        adopted: joined.adopted.into_iter().map(|(task, _)| task).collect(),
        dropped: joined.dropped,
        sequence: joined.sequence,
    };
    if !send(sink, &welcome).await {
        shared.core.left(&seat).await;
        shared.seats.leave(&seat);
        return Ok(None);
    }
    Ok(Some((seat, outbox)))
}

fn check(shared: &Shared, hello: &Hello, challenge: String) -> Result<(), Farewell> {
    if hello.version != limits::PROTOCOL_VERSION {
        let words = format!(
            "this exchange speaks version {} of the protocol, and the worker version {}; update the older one",
            limits::PROTOCOL_VERSION,
            hello.version
        );
        return Err(Farewell::refused("version", words));
    }
    if let Err(problem) = shared.access.check_join(hello.join_token.as_deref()) {
        let code = if hello.join_token.is_some() { "wrong_join_token" } else { "join_token_missing" };
        return Err(Farewell::refused(code, problem.body.error));
    }
    let signed =
        WorkerHello { challenge, worker: hello.worker, owner: hello.owner, pool: hello.pool, nonce: hello.nonce };
    if !signed.is_signed_by_worker(&shared.domain, &hello.signature) {
        return Err(Farewell::refused("signature", "the hello is not signed by the worker it names"));
    }
    let ownership = Ownership { worker: hello.worker, owner: hello.owner };
    let owned = hello.owner == hello.worker
        || hello.owner_signature.as_ref().is_some_and(|sign| ownership.is_signed_by_owner(&shared.domain, sign));
    if !owned {
        return Err(Farewell::refused("owner_signature", "the owner did not countersign the worker"));
    }
    let region = hello.region.as_deref().unwrap_or_default();
    let sound = hello.slots > 0
        && hello.holding.len() <= limits::BATCH_ITEMS
        && are_sound(&hello.floors, hello.heat)
        && hello.cached.len() <= limits::CACHED_FILES
        && region.len() <= limits::REGION_BYTES
        && !region.contains(char::is_control);
    if !sound {
        let words = "the hello's slots, floors, heat, region, files or held tasks are beyond the limits";
        return Err(Farewell::refused("limits", words));
    }
    Ok(())
}

/// The pool is hosted here, and takes this worker.
async fn check_pool(shared: &Shared, hello: &Hello) -> Result<(), Farewell> {
    let (pool, worker) = (hello.pool, hello.worker);
    let look = move |state: &State| {
        let exchange = state.market.exchange();
        if exchange.is_hosted(pool) {
            return (true, exchange.admits(pool, worker), Vec::new());
        }
        (false, false, exchange.hosted_pools().map(|pool| pool.name).take(NAMED).collect())
    };
    let found = shared.core.read(look).await;
    let Ok((hosted, admitted, names)) = found else {
        return Err(Farewell::lost("stopping", "the exchange is stopping"));
    };
    if !hosted {
        let words = format!("pool {pool} is not hosted here; these are: {}", names.join(", "));
        return Err(Farewell::refused("pool", words));
    }
    if !admitted {
        let words = format!(
            "pool {pool} takes only workers that its owner invited; the owner's `hands pool invite {pool} {worker}` does"
        );
        return Err(Farewell::refused("not_invited", words));
    }
    Ok(())
}

/// Whether a worker may ask this, its site wishing for so much load.
pub(super) fn are_sound(floors: &BTreeMap<u64, Amount>, heat: u8) -> bool {
    let most = Amount::nanos(limits::SAFE_INTEGER);
    floors.len() <= limits::FLOORS && heat <= 100 && floors.values().all(|floor| *floor <= most)
}
