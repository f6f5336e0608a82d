//! Fetches results and encrypts them on the way to the spool: export, download, encrypt, on one thread
//! that drives all fetches.
//!
//! What always holds here: plaintext is only ever in memory, a piece at a time; fetches are as many as
//! the configuration allows; all end with the run. Deliberately absent: what becomes of the results.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use courier_ledger::{Failure, FailureClass, Phase, Sequence};
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::message::Message;
use super::upload::{FetchError, FetchOrder, Fetched, Remedy};
use crate::effects::broker::Broker;
use crate::effects::fernet::{EncryptError, FernetKey, TokenOrigin};
use crate::effects::headway::Headway;
use crate::effects::sealing::Sealing;
use crate::effects::spool::SpoolDirectory;
use crate::effects::waker::Waker;
use crate::run::Clock;

/// Ciphertext after which the upload begins to follow; smaller results are sent once complete.
const HEAD_START_BYTES: u64 = 1024 * 1024;

/// Everything that fetching needs.
pub(crate) struct Fetcher {
    /// The broker.
    pub broker: Arc<Broker>,
    /// How results are encrypted.
    pub sealing: Sealing,
    /// The key in use, and earlier ones: what an upload without an outcome may have been marked with.
    pub known_keys: Vec<FernetKey>,
    /// Where ciphertext waits.
    pub spool: SpoolDirectory,
    /// How many results are fetched at once.
    pub concurrency: usize,
    /// Stamps the tokens.
    pub clock: Box<dyn Clock + Send + Sync>,
}

/// The thread that fetches, and the way to give it orders. It begins when there is something for it to
/// do: most runs fetch nothing.
pub(super) struct Fetching {
    fetcher: Arc<Fetcher>,
    messages: Sender<Message>,
    waker: Waker,
    thread: Option<(UnboundedSender<FetchOrder>, JoinHandle<()>)>,
}

impl Fetching {
    /// No thread runs yet. `waker` is woken when there is more for the uploader to read.
    pub(super) fn new(fetcher: Arc<Fetcher>, messages: Sender<Message>, waker: Waker) -> Self {
        Self {
            fetcher,
            messages,
            waker,
            thread: None,
        }
    }

    /// What earlier uploads may have been encrypted with.
    pub(super) fn keys(&self) -> &[FernetKey] {
        &self.fetcher.known_keys
    }

    /// How far the results have come.
    pub(super) fn headway(&self) -> &Headway {
        self.fetcher.broker.headway()
    }

    pub(super) fn order(&mut self, order: FetchOrder) {
        let begun = match &self.thread {
            Some((orders, _)) => Ok(orders.clone()),
            None => self.begin_thread(),
        };
        // It listens as long as its orders' sender lives; neither it nor the run lives without the
        // other.
        let _unheard = match begun {
            Ok(orders) => orders.send(order).map_err(drop),
            Err(error) => {
                let failure = Failure {
                    phase: Phase::Download,
                    class: FailureClass::Transient,
                    text: format!("no thread to fetch it on: {error}"),
                };
                let message = Message::Fetched(order.start, Err(failure.into()));
                self.messages.send(message).map_err(drop)
            }
        };
    }

    fn begin_thread(&mut self) -> io::Result<UnboundedSender<FetchOrder>> {
        let (orders, taken) = unbounded_channel();
        let desk = Desk {
            fetcher: Arc::clone(&self.fetcher),
            messages: self.messages.clone(),
            waker: self.waker.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                let broker = Arc::clone(&desk.fetcher.broker);
                broker.drive(desk.serve(taken));
            })?;
        self.thread = Some((orders.clone(), thread));
        Ok(orders)
    }
}

impl Drop for Fetching {
    /// Ends the thread and everything that it still fetches, so that the spool's folder goes with it.
    fn drop(&mut self) {
        if let Some((orders, thread)) = self.thread.take() {
            drop(orders);
            // A panic there was reported there.
            let _ended = thread.join();
        }
    }
}

/// Where orders are carried out: several at a time, on the one thread that drives them all.
struct Desk {
    fetcher: Arc<Fetcher>,
    messages: Sender<Message>,
    waker: Waker,
}

impl Desk {
    /// Fetches what is ordered until no more orders can come; what is under way then ends at once.
    async fn serve(self, mut orders: UnboundedReceiver<FetchOrder>) {
        let mut waiting = VecDeque::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.fetcher.concurrency
                && let Some(order) = waiting.pop_front()
            {
                under_way.push(self.carry_out(order));
            }
            match select(pin!(orders.recv()), pin!(next(&mut under_way))).await {
                Either::Left((Some(order), _)) => waiting.push_back(order),
                Either::Left((None, _)) => return,
                Either::Right(((start, result), _)) => {
                    self.tell(Message::Fetched(start, result));
                }
            }
        }
    }

    /// Fetches, unless the run ends before.
    async fn carry_out(&self, order: FetchOrder) -> (Sequence, Result<Fetched, FetchError>) {
        let stop = self.fetcher.broker.persistence().stop();
        let result = match select(pin!(self.fetch(order)), pin!(stop.raised())).await {
            Either::Left((result, _)) => result,
            Either::Right((reason, _)) => Err(reason.failure().into()),
        };
        (order.start, result)
    }

    async fn fetch(&self, order: FetchOrder) -> Result<Fetched, FetchError> {
        let Fetcher {
            broker,
            sealing,
            spool,
            clock,
            ..
        } = &*self.fetcher;
        let begun = broker.fetch_bundle(order.request).await;
        let mut download = begun.map_err(|failure| FetchError {
            failure,
            remedy: Remedy::NextRun,
        })?;
        let expected = download
            .content_length()
            .map(|plaintext| sealing.size(plaintext));
        let flow = broker.headway().flow(order.request);
        flow.begin(expected);
        let writer = spool
            .create(expected)
            .map_err(|error| spool_failure(&error.into()))?;
        let result = writer.spool();
        result.set_waker(self.waker.clone());
        let seconds = u64::try_from(clock.now().0 / 1_000_000).unwrap_or(0);
        let origin = TokenOrigin {
            log: order.log,
            start: order.start,
        };
        let mut seal = sealing
            .begin(origin, seconds, writer)
            .map_err(|error| encrypt_failure(&error))?;
        let mut announced = false;
        while let Some(plaintext) = download.next_piece().await? {
            seal.update(&plaintext)
                .map_err(|error| encrypt_failure(&error))?;
            flow.fetched(result.written_bytes());
            if !announced && result.written_bytes() >= HEAD_START_BYTES {
                self.tell(Message::Arriving(order.start, result.clone()));
                announced = true;
            }
        }
        let (writer, digest) = seal.finish().map_err(|error| encrypt_failure(&error))?;
        writer.finish().map_err(|error| spool_failure(&error))?;
        flow.fetched(digest.token_bytes);
        flow.expect(digest.token_bytes);
        if !announced {
            self.tell(Message::Arriving(order.start, result));
        }
        Ok(Fetched {
            plaintext_sha256: digest.plaintext_sha256,
            token_sha256: digest.token_sha256,
            token_bytes: digest.token_bytes,
            key: sealing.id(),
            contents: download.contents(),
        })
    }

    fn tell(&self, message: Message) {
        // The run is over when nobody listens any more.
        let _unheard = self.messages.send(message);
    }
}

/// The next that ends; never, while there is none.
async fn next<F: Future>(under_way: &mut FuturesUnordered<F>) -> F::Output {
    match under_way.next().await {
        Some(ended) => ended,
        None => pending().await,
    }
}

fn spool_failure(error: &io::Error) -> Failure {
    let class = match error.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::PermissionDenied => FailureClass::NeedsPerson,
        _ => FailureClass::Transient,
    };
    Failure {
        phase: Phase::Spool,
        class,
        text: error.to_string(),
    }
}

/// The encryptor writes into the spool: what looks like its error may be the disk's.
fn encrypt_failure(error: &EncryptError) -> Failure {
    match error {
        EncryptError::Output(error) => spool_failure(error),
        EncryptError::Cryptography(_) => Failure {
            phase: Phase::Encrypt,
            class: FailureClass::Permanent,
            text: format!("OpenSSL could not encrypt: {error}"),
        },
    }
}
