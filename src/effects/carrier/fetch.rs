//! Fetches results and encrypts them on the way to the spool: export, download, encrypt. Plaintext
//! is only ever in memory, a chunk at a time.

use std::io::{self, Read as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use courier_ledger::{Failure, FailureClass, LogId, Phase, RequestId, Sequence};

use super::message::Message;
use super::upload::{FetchError, FetchOrder, Fetched, Remedy};
use crate::effects::broker::{Broker, DownloadError};
use crate::effects::fernet::{EncryptError, Encryptor, FernetKey, TokenOrigin, token_size};
use crate::effects::spool::{Spool, SpoolDirectory};
use crate::effects::stop::StopReason;
use crate::effects::waker::Waker;
use crate::run::Clock;

/// Bytes read from the broker at a time.
const CHUNK_BYTES: usize = 128 * 1024;

/// Ciphertext after which the upload begins to follow; smaller results are sent once complete.
const HEAD_START_BYTES: u64 = 1024 * 1024;

/// Everything that fetching needs.
pub struct Fetcher {
    /// The broker.
    pub broker: Arc<Broker>,
    /// The key to encrypt with.
    pub key: FernetKey,
    /// Where ciphertext waits.
    pub spool: SpoolDirectory,
    /// How many results are fetched at once.
    pub concurrency: usize,
    /// Stamps the tokens.
    pub clock: Box<dyn Clock + Send + Sync>,
}

/// The fetching threads, and the way to give them orders. Threads begin when there is something for
/// them to do: most runs fetch nothing.
pub(super) struct Fetching {
    fetcher: Arc<Fetcher>,
    messages: Sender<Message>,
    waker: Waker,
    orders: Option<Sender<FetchOrder>>,
    taken: Arc<Mutex<Receiver<FetchOrder>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Fetching {
    /// No thread runs yet. `waker` is woken when there is more for the uploader to read.
    pub(super) fn new(fetcher: Arc<Fetcher>, messages: Sender<Message>, waker: Waker) -> Self {
        let (orders, taken) = channel();
        Self {
            fetcher,
            messages,
            waker,
            orders: Some(orders),
            taken: Arc::new(Mutex::new(taken)),
            threads: Vec::new(),
        }
    }

    /// What results are encrypted with.
    pub(super) fn key(&self) -> &FernetKey {
        &self.fetcher.key
    }

    pub(super) fn order(&mut self, order: FetchOrder) {
        if self.threads.len() < self.fetcher.concurrency {
            self.threads.push(self.begin_thread());
        }
        // The threads listen as long as the orders' sender lives.
        let _unheard = self.orders.as_ref().map(|orders| orders.send(order));
    }

    fn begin_thread(&self) -> JoinHandle<()> {
        let fetcher = Arc::clone(&self.fetcher);
        let taken = Arc::clone(&self.taken);
        let messages = self.messages.clone();
        let waker = self.waker.clone();
        std::thread::spawn(move || {
            while let Some(order) = next_order(&taken) {
                let FetchOrder {
                    log,
                    start,
                    request,
                } = order;
                let result = Fetch {
                    fetcher: &fetcher,
                    messages: &messages,
                    log,
                    start,
                }
                .fetch(request, waker.clone());
                if messages.send(Message::Fetched(start, result)).is_err() {
                    return;
                }
            }
        })
    }
}

impl Drop for Fetching {
    /// Ends the threads, so that the spool's folder goes with the last of them. One that still waits
    /// for a broker ends its wait.
    fn drop(&mut self) {
        self.fetcher
            .broker
            .persistence()
            .stop()
            .raise(StopReason::Ended);
        self.orders = None;
        for thread in self.threads.drain(..) {
            // A panic there was reported there.
            let _ended = thread.join();
        }
    }
}

fn next_order(orders: &Mutex<Receiver<FetchOrder>>) -> Option<FetchOrder> {
    orders.lock().ok()?.recv().ok()
}

struct Fetch<'a> {
    fetcher: &'a Fetcher,
    messages: &'a Sender<Message>,
    log: LogId,
    start: Sequence,
}

impl Fetch<'_> {
    fn fetch(&self, request: RequestId, waker: Waker) -> Result<Fetched, FetchError> {
        let Fetcher {
            broker,
            key,
            spool,
            clock,
            ..
        } = self.fetcher;
        let mut download = broker.fetch_bundle(request).map_err(|failure| FetchError {
            failure,
            remedy: Remedy::NextRun,
        })?;
        let expected = download.content_length().map(token_size);
        let writer = spool
            .create(expected)
            .map_err(|error| spool_failure(&error.into()))?;
        let result = writer.spool();
        result.set_waker(waker);
        let seconds = u64::try_from(clock.now().0 / 1_000_000).unwrap_or(0);
        let origin = TokenOrigin {
            log: self.log,
            start: self.start,
        };
        let seed = origin
            .seed(seconds, key)
            .map_err(|error| encrypt_failure(&error))?;
        let mut encryptor =
            Encryptor::new(key, &seed, writer).map_err(|error| encrypt_failure(&error))?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut announced = false;
        loop {
            if let Some(reason) = broker.persistence().stop().reason() {
                return Err(reason.failure().into());
            }
            let count = download
                .read(&mut chunk)
                .map_err(|error| download_failure(&error))?;
            let Some(plaintext) = chunk.get(..count).filter(|chunk| !chunk.is_empty()) else {
                break;
            };
            encryptor
                .update(plaintext)
                .map_err(|error| encrypt_failure(&error))?;
            if !announced && result.written_bytes() >= HEAD_START_BYTES {
                self.announce(&result);
                announced = true;
            }
        }
        let (writer, digest) = encryptor
            .finish()
            .map_err(|error| encrypt_failure(&error))?;
        writer.finish().map_err(|error| spool_failure(&error))?;
        if !announced {
            self.announce(&result);
        }
        Ok(Fetched {
            plaintext_sha256: digest.plaintext_sha256,
            token_sha256: digest.token_sha256,
            token_bytes: digest.token_bytes,
            key: key.id(),
        })
    }

    fn announce(&self, result: &Spool) {
        // The run is over when nobody listens any more.
        let _unheard = self
            .messages
            .send(Message::Arriving(self.start, result.clone()));
    }
}

fn download_failure(error: &io::Error) -> Failure {
    DownloadError::failure(error)
        .cloned()
        .unwrap_or_else(|| Failure {
            phase: Phase::Download,
            class: FailureClass::Transient,
            text: error.to_string(),
        })
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
