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
use tokio::time::{Sleep, sleep};

use super::fault::{Answer, Control};
use super::reply::{Payload, Reply};
use super::resource::route;
use super::routes::{Call, answer};
use super::state::Database;

/// How long the bytes before a cut have to reach the caller.
const CUT_DELAY: Duration = Duration::from_millis(20);

/// What the network side and the tests share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    database: Mutex<Database>,
    control: Mutex<Control>,
    latency: Duration,
}

impl Shared {
    /// An empty broker whose calls wait that long.
    pub(crate) fn new(latency: Duration) -> Self {
        Self {
            latency,
            ..Self::default()
        }
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
    let (parts, body) = request.into_parts();
    let method = parts.method.as_str();
    let fault = shared.control().arrive(route(method, parts.uri.path()));
    let flight = Flight(Arc::clone(&shared));
    if !shared.latency.is_zero() {
        sleep(shared.latency).await;
    }
    let header = |name| -> Option<String> {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    // A body that breaks off leaves nobody to answer.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let call = Call {
        method: method.to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        host: header(header::HOST).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        date: header(header::DATE),
        body,
    };
    let (reply, cut_after_bytes) = match fault {
        Some(Answer::Instead {
            status,
            content_type,
            body,
        }) => (Reply::new(status, &content_type, body), None),
        Some(Answer::Cut(bytes)) => (truth(&shared, &call), Some(bytes)),
        None => (truth(&shared, &call), None),
    };
    respond(reply, cut_after_bytes, flight)
}

fn truth(shared: &Shared, call: &Call) -> Reply {
    answer(&mut shared.database(), call, Timestamp::now())
}

fn respond(reply: Reply, cut_after_bytes: Option<u64>, flight: Flight) -> Response {
    let size_bytes = reply.payload.size_bytes();
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    if size_bytes > 0 {
        response = response.header(header::CONTENT_LENGTH, size_bytes);
    }
    let stream = Stream {
        payload: reply.payload,
        offset: 0,
        size_bytes,
        cut: cut_after_bytes.map(|at| (at.min(size_bytes.saturating_sub(1)), None)),
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

/// A body that is sent from a payload.
struct Stream {
    payload: Payload,
    offset: u64,
    size_bytes: u64,
    /// Where the connection breaks, and the wait before it does.
    cut: Option<(u64, Option<Pin<Box<Sleep>>>)>,
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
        if let Some((at, wait)) = &mut this.cut {
            let left_bytes = at.saturating_sub(this.offset);
            if left_bytes == 0 {
                let wait = wait.get_or_insert_with(|| Box::pin(sleep(CUT_DELAY)));
                ready!(wait.as_mut().poll(context));
                return Poll::Ready(Some(Err(io::Error::other("cut as ordered"))));
            }
            chunk.truncate(usize::try_from(left_bytes).unwrap_or(usize::MAX));
        }
        if chunk.is_empty() {
            return Poll::Ready(None);
        }
        this.offset += chunk.len() as u64;
        if this.offset == this.size_bytes {
            // Before the caller can know that it has everything.
            this.flight = None;
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.offset == self.size_bytes
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size_bytes - self.offset)
    }
}
