//! The network side: one thread with its own runtime, from HTTP to calls and back.
//!
//! What always holds here: the lock is never held across an await; a server that is dropped has
//! closed its port and its connections when the drop returns.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Sleep, sleep};

use super::clock::http_date;
use super::fault::{Answer, Control};
use super::key::ApiKeys;
use super::reply::{Payload, Reply};
use super::resource::route;
use super::routes::{Call, answer};
use super::state::Database;
use super::websocket;

/// How long the bytes before a cut have to reach the caller.
const CUT_DELAY: Duration = Duration::from_millis(20);

/// Latencies above this need not be exact, and must not keep a thread.
const LONG_LATENCY: Duration = Duration::from_millis(200);

/// What the network side and the tests share.
#[derive(Debug)]
pub(crate) struct Shared {
    database: Mutex<Database>,
    control: Mutex<Control>,
    keys: ApiKeys,
}

impl Shared {
    /// An empty broker.
    pub(crate) fn new(latency: Duration, keys: ApiKeys) -> Self {
        let mut control = Control::default();
        control.set_latency(latency);
        Self {
            database: Mutex::default(),
            control: Mutex::new(control),
            keys,
        }
    }

    /// Who may call.
    pub(crate) fn keys(&self) -> &ApiKeys {
        &self.keys
    }

    /// The broker's memory.
    pub(crate) fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Faults and counts.
    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("embedded-broker")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("embedded-broker".to_owned())
            .spawn(move || run(runtime, listener, shared, stopped))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the thread has ended, which is what is wanted.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn run(
    runtime: Runtime,
    listener: TcpListener,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
            return;
        };
        let listener = listener.tap_io(|stream| {
            // Without it the last piece of an answer waits for an acknowledgement.
            let _best_effort = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(handle).with_state(shared);
        tokio::select! {
            _ = async { axum::serve(listener, router).await } => (),
            _ = stopped => (),
        }
    });
    // Ends the tasks of open connections too.
    runtime.shutdown_timeout(Duration::from_secs(5));
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let route = route(request.method().as_str(), request.uri().path());
    let (fault, latency, clock_ahead) = {
        let mut control = shared.control();
        let latency = control.latency(route);
        (control.arrive(route), latency, control.clock_ahead())
    };
    let flight = Flight(Arc::clone(&shared));
    delay(latency).await;
    if websocket::is_wanted(&request) && fault.is_none() {
        return websocket::accept(&shared, request)
            .unwrap_or_else(|refused| respond(refused, Pace::Full, flight));
    }
    let (parts, body) = request.into_parts();
    let header = |name| -> Option<String> {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    // A body that breaks off leaves nobody to answer.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        host: header(header::HOST).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        date: header(header::DATE),
        body,
    };
    let (reply, pace) = match fault {
        Some(Answer::Instead {
            status,
            content_type,
            body,
        }) => (Reply::new(status, &content_type, body), Pace::Full),
        Some(Answer::Custom {
            status,
            headers,
            body,
        }) => {
            let payload = Payload::Content(body.into());
            let reply = Reply {
                status,
                headers,
                payload,
            };
            (reply, Pace::Full)
        }
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Drip { piece_bytes, pause }) => {
            let pace = Pace::Drip {
                piece_bytes: piece_bytes.max(1),
                pause,
                wait: None,
            };
            (truth(&shared, &call), pace)
        }
        Some(Answer::Cut(bytes)) => {
            let reply = truth(&shared, &call);
            let last = reply.payload.size_bytes().saturating_sub(1);
            let pace = Pace::Cut {
                at: bytes.min(last),
                wait: None,
            };
            (reply, pace)
        }
        None => (truth(&shared, &call), Pace::Full),
    };
    let date = Timestamp::now().saturating_add(clock_ahead);
    let date = date.map(http_date).unwrap_or_default();
    respond(reply.with("date", date), pace, flight)
}

/// Waits as exactly as the system can: Tokio's timers round up to milliseconds, which would make a
/// broker of 5 ms one of 6 or 7.
async fn delay(latency: Duration) {
    if latency > LONG_LATENCY {
        sleep(latency).await;
    } else if !latency.is_zero() {
        // Fails only when the runtime is ending.
        let _ended = spawn_blocking(move || std::thread::sleep(latency)).await;
    }
}

fn truth(shared: &Shared, call: &Call) -> Reply {
    answer(&mut shared.database(), &shared.keys, call, Timestamp::now())
}

fn respond(reply: Reply, pace: Pace, flight: Flight) -> Response {
    let size_bytes = reply.payload.size_bytes();
    let mut response = Response::builder().status(reply.status);
    let names = &mut reply.headers.iter().map(|(name, _)| name);
    let announces = names.any(|name| name.eq_ignore_ascii_case("content-length"));
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    if size_bytes > 0 && !announces {
        response = response.header(header::CONTENT_LENGTH, size_bytes);
    }
    let stream = Stream {
        payload: reply.payload,
        offset: 0,
        size_bytes,
        announces,
        pace,
        flight: (size_bytes > 0).then_some(flight),
    };
    // Fails only when a test orders a status or header that HTTP does not know.
    response.body(Body::new(stream)).unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A call in flight, until it is dropped.
#[derive(Debug)]
struct Flight(Arc<Shared>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.control().leave();
    }
}

/// How a body is sent.
enum Pace {
    /// As fast as it goes.
    Full,
    /// Until the connection breaks there, after a wait.
    Cut { at: u64, wait: Wait },
    /// In pieces.
    Drip {
        piece_bytes: u64,
        pause: Duration,
        wait: Wait,
    },
}

/// A wait that has begun.
type Wait = Option<Pin<Box<Sleep>>>;

/// A body that is sent from a payload.
struct Stream {
    payload: Payload,
    offset: u64,
    size_bytes: u64,
    /// Whether the headers announce a length of their own.
    announces: bool,
    pace: Pace,
    flight: Option<Flight>,
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let mut chunk = this.payload.chunk(this.offset);
        if chunk.is_empty() {
            return Poll::Ready(None);
        }
        match &mut this.pace {
            Pace::Full => (),
            Pace::Cut { at, wait } => {
                let left_bytes = at.saturating_sub(this.offset);
                if left_bytes == 0 {
                    let wait = wait.get_or_insert_with(|| Box::pin(sleep(CUT_DELAY)));
                    ready!(wait.as_mut().poll(context));
                    return Poll::Ready(Some(Err(io::Error::other("cut as ordered"))));
                }
                shorten(&mut chunk, left_bytes);
            }
            Pace::Drip {
                piece_bytes,
                pause,
                wait,
            } => {
                let begun = wait.get_or_insert_with(|| Box::pin(sleep(*pause)));
                ready!(begun.as_mut().poll(context));
                *wait = None;
                shorten(&mut chunk, *piece_bytes);
            }
        }
        this.offset += chunk.len() as u64;
        if this.offset == this.size_bytes {
            // Before the caller can know that it has everything.
            this.flight = None;
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        !self.announces && self.offset == self.size_bytes
    }

    fn size_hint(&self) -> SizeHint {
        if self.announces {
            // The length of the headers counts.
            return SizeHint::default();
        }
        SizeHint::with_exact(self.size_bytes - self.offset)
    }
}

fn shorten(chunk: &mut Bytes, size_bytes: u64) {
    let size_bytes = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    chunk.truncate(size_bytes);
}
