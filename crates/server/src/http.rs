//! The HTTP face: routes, and what holds for all of them.
//!
//! `/v1` is ours; the routes at the root are iExec's market gateway; `/rpc` speaks Ethereum's JSON-RPC.

mod blobs;
mod events;
mod explain;
mod files;
mod jobs;
mod limiter;
mod market;
mod meta;
mod orders;
mod packages;
mod pieces;
mod providers;
mod repeats;

pub(crate) use jobs::check_funds;
pub(crate) use limiter::Limiter;
pub(crate) use meta::SOFTWARE;
pub(crate) use orders::check_image;
pub(crate) use repeats::Repeats;

use crate::access::Caller;
use crate::problem::Problem;
use crate::shared::Shared;
use crate::{gateway, rpc, worker};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use axum::{Extension, Router};
use std::net::SocketAddr;
use std::sync::Arc;
use tower_http::cors::CorsLayer;

/// What a handler is given.
pub(crate) type Server = State<Arc<Shared>>;
/// Who asks.
pub(crate) type Who = Extension<Caller>;

/// Routes that anybody may use on a private exchange too.
const OPEN: [&str; 6] = ["/", "/healthz", "/challenge", "/v1/exchange", "/v1/session", "/v1/worker"];

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let ours = Router::new()
        .route("/", get(meta::index))
        .route("/healthz", get(meta::health))
        .route("/metrics", get(meta::metrics))
        .route("/v1/exchange", get(meta::exchange))
        .route("/v1/session", post(meta::sign_in))
        .route("/v1/openapi.json", get(meta::openapi))
        .route("/v1/blobs", get(files::list))
        .route("/v1/blobs/{digest}", get(blobs::read).put(blobs::write))
        .route("/v1/blobs/forget", post(files::forget))
        .route("/v1/uploads", get(blobs::perhaps_here))
        .route("/v1/chunks", get(pieces::alike))
        .route("/v1/uploads/{upload}", put(blobs::write_part))
        .route("/v1/packages", get(packages::list))
        .route("/v1/packages/{app}", get(packages::read))
        .route("/v1/orders", post(orders::place))
        .route("/v1/orders/batch", post(orders::place_each))
        .route("/v1/orders/{hash}", delete(orders::remove))
        .route("/v1/orders/{hash}/explain", get(explain::request))
        .route("/v1/book", get(orders::book))
        .route("/v1/jobs", get(jobs::list).post(jobs::submit))
        .route("/v1/jobs/{id}", get(jobs::show))
        .route("/v1/jobs/{id}/events", get(events::stream))
        .route("/v1/jobs/{id}/results", get(jobs::results))
        .route("/v1/jobs/{id}/explain", get(explain::request))
        .route("/v1/deals/{id}", get(market::deal))
        .route("/v1/tasks/{id}", get(market::task))
        .route("/v1/tasks/{id}/explain", get(explain::task))
        .route("/v1/accounts/{address}", get(market::account))
        .route("/v1/workers", get(market::workers))
        .route("/v1/workers/{address}/explain", get(explain::worker))
        .route("/v1/providers/{address}", get(providers::provider))
        .route("/v1/ratings", post(providers::rate))
        .route("/v1/outstanding", get(market::outstanding))
        .route("/v1/journal", get(market::journal))
        .route("/v1/worker", any(worker::connect))
        .route("/rpc", post(rpc::answer));
    let iexec = Router::new()
        .route("/challenge", get(gateway::challenge))
        .route("/version", get(gateway::version))
        .route("/categories", get(gateway::categories))
        .route("/categories/{id}", get(gateway::category))
        .route("/deals", get(gateway::deals))
        .route("/deals/{id}", get(gateway::deal));
    let iexec = gateway::BOOKS.iter().fold(iexec, |router, (book, _)| {
        let orders = get(gateway::orders).post(gateway::publish).put(gateway::unpublish);
        router.route(&format!("/{book}"), orders).route(&format!("/{book}/{{hash}}"), get(gateway::order))
    });
    ours.merge(iexec)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&shared), repeats::answer_once))
        .layer(from_fn_with_state(Arc::clone(&shared), admit))
        .layer(CorsLayer::permissive())
        .with_state(shared)
}

/// Holds strangers to the rate limit, finds out who asks, and keeps strangers out of a private exchange.
async fn admit(
    State(shared): Server,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    if !shared.limiter.take(from.ip(), 1, shared.clock.now()) {
        return too_many_requests().into_response();
    }
    let caller = match shared.access.caller(request.headers(), shared.clock.now()) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if !OPEN.contains(&request.uri().path())
        && let Err(problem) = shared.access.admit(caller)
    {
        return problem.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn too_many_requests() -> Problem {
    let words = "too many requests from this address; wait a second";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", words)
}

async fn no_route(request: Request) -> Problem {
    Problem::missing(
        "no_such_route",
        format!("there is nothing at {}; GET / lists what there is", request.uri().path()),
    )
}

async fn no_method(request: Request) -> Problem {
    let words = format!("{} is not for {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", words)
}
