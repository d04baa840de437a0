//! Routes of the server, and their answers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response, Sse};
use axum::routing::get;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::guard::{Guard, Verdict};
use super::metrics;
use super::page::{PAGE, POLICY};
use super::reader::{Latest, Published, Reader, Refused};
use super::snapshot::now;
use super::status::{FRESH, Status};

/// Maximum clients of the event stream.
const FOLLOWERS: usize = 64;
/// Reconnect delay sent to browsers.
const RETRY: Duration = Duration::from_millis(1_000);

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

#[derive(Clone)]
struct RouterState {
    reader: Reader,
    followers: Arc<Semaphore>,
}

/// All routes, behind the access check.
pub(crate) fn router(reader: Reader, guard: Guard) -> Router {
    let shared = RouterState { reader, followers: Arc::new(Semaphore::new(FOLLOWERS)) };
    Router::new()
        .route("/", get(page))
        .route("/events", get(events))
        .route("/api/state", get(state))
        .route("/api/betas", get(betas))
        .route("/api/lines", get(lines))
        .route("/healthz", get(health))
        .route("/metrics", get(prometheus))
        .fallback(|| async { (StatusCode::NOT_FOUND, "Not found.\n") })
        .layer(from_fn_with_state(Arc::new(guard), guarded))
        .with_state(shared)
}

/// Checks access before any route, and adds the same headers to every answer, including refusals.
async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.judge(&request) {
        Verdict::Allowed => next.run(request).await,
        Verdict::Answered(response) => response,
    };
    let headers = response.headers_mut();
    let policy =
        HeaderValue::from_str(&POLICY).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn page() -> Response {
    ([(CONTENT_TYPE, HTML)], PAGE.as_str()).into_response()
}

async fn state(State(shared): State<RouterState>) -> Result<Response, Refused> {
    let latest = shared.reader.state().await?;
    match &*latest {
        Published::State(_, json) => Ok(([(CONTENT_TYPE, JSON)], json.clone()).into_response()),
        Published::Nothing(why) => Err(Refused::Unreadable(why.clone())),
    }
}

#[derive(Deserialize)]
struct BetasQuery {
    symbol: Option<String>,
}

async fn betas(
    State(shared): State<RouterState>,
    Query(BetasQuery { symbol }): Query<BetasQuery>,
) -> Result<Response, Refused> {
    let Some(symbol) = symbol else {
        let sentence = "Parameter `symbol` is missing: expected /api/betas?symbol=SYMBOL.\n";
        return Ok((StatusCode::BAD_REQUEST, sentence).into_response());
    };
    let json = shared.reader.betas(symbol).await?;
    Ok(([(CONTENT_TYPE, JSON)], json).into_response())
}

#[derive(Deserialize)]
struct Range {
    from: Option<i64>,
    to: Option<i64>,
}

/// NAV, drawdown and turnover between two times, in more detail than the state contains.
async fn lines(
    State(shared): State<RouterState>,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Response, Refused> {
    let Ok(Query(Range { from: Some(from), to: Some(to) })) = range else {
        let sentence = "Expected /api/lines?from=NS&to=NS, in nanoseconds since 1970.\n";
        return Ok((StatusCode::BAD_REQUEST, sentence).into_response());
    };
    let json = shared.reader.lines((from, to)).await?;
    Ok(([(CONTENT_TYPE, JSON)], json).into_response())
}

async fn prometheus(State(shared): State<RouterState>) -> Result<Response, Refused> {
    let latest = shared.reader.state().await?;
    match &*latest {
        Published::State(snapshot, _) => {
            Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(snapshot)).into_response())
        }
        Published::Nothing(why) => Err(Refused::Unreadable(why.clone())),
    }
}

/// Liveness for a supervisor: 200 while the run is alive, even if halted, and after it ended
/// normally; 503 after it failed or while its status is stale.
async fn health(State(shared): State<RouterState>) -> Result<Response, Refused> {
    let latest = shared.reader.state().await?;
    let snapshot = match &*latest {
        Published::State(snapshot, _) => snapshot,
        Published::Nothing(why) => return Err(Refused::Unreadable(why.clone())),
    };
    let (code, text) = condition(&snapshot.status, now());
    Ok((code, text).into_response())
}

fn condition(status: &Status, now: i64) -> (StatusCode, String) {
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let Some(reported) = status.time() else {
        return (unavailable, "The run has not written its status yet.\n".to_owned());
    };
    let seconds = now.saturating_sub(reported) as f64 / 1e9;
    let trading = status.trading.clone().unwrap_or_default();
    let why = trading.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    if trading.has_ended() {
        let why = trading.why.as_deref().map(|why| match trading.state.as_str() {
            "ruined" => format!(" {why}."),
            _ => format!(" Trading was halted: {why}."),
        });
        let why = why.unwrap_or_default();
        return (StatusCode::OK, format!("ended\nThe run ended normally {seconds:.0} s ago.{why}\n"));
    }
    if trading.state == "failed" {
        return (unavailable, format!("failed\nThe run failed {seconds:.0} s ago{why}.\n"));
    }
    if !status.is_fresh(now) {
        let most = FRESH.as_secs();
        let text = format!(
            "The last status is {seconds:.1} s old, expected at most {most} s: the run was killed or hangs.\n"
        );
        return (unavailable, text);
    }
    (StatusCode::OK, format!("ok\n{}{why}\n", trading.state))
}

/// Streams the current state and each later one. A slow client misses states, but never the last one.
async fn events(State(shared): State<RouterState>) -> Result<Response, Refused> {
    let place = Arc::clone(&shared.followers).try_acquire_owned().map_err(|_| Refused::Busy)?;
    let following = EventStream { latest: shared.reader.follow(), _place: place, begun: false };
    // Read once more: without a subscriber, no read happened in between.
    let _ = shared.reader.state().await?;
    let stream = stream::unfold(following, |mut following| async move {
        if following.begun {
            following.latest.changed().await.ok()?;
        }
        following.begun = true;
        let latest = Arc::clone(&following.latest.borrow_and_update());
        Some((Ok::<_, Infallible>(event(&latest)), following))
    });
    let mut response = Sse::new(stream).into_response();
    // Ask proxies not to buffer events.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct EventStream {
    latest: watch::Receiver<Latest>,
    /// Released when the client disconnects.
    _place: OwnedSemaphorePermit,
    begun: bool,
}

fn event(latest: &Published) -> Event {
    match latest {
        Published::State(_, json) => Event::default().event("state").retry(RETRY).data(json),
        Published::Nothing(why) => {
            Event::default().event("nothing").retry(RETRY).data(why.replace(['\r', '\n'], " "))
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => {
                (StatusCode::NOT_FOUND, "This instrument has no betas in the state.\n").into_response()
            }
            Self::Unreadable(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
            Self::Busy => {
                let mut headers = HeaderMap::new();
                headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
                let sentence = "Too many requests: try again in a moment.\n";
                (StatusCode::SERVICE_UNAVAILABLE, headers, sentence).into_response()
            }
        }
    }
}
