//! The thread that owns the connection: it asks the database for whoever has the ledger open, and renews
//! the lease meanwhile.
//!
//! What always holds here: whoever asks waits with a deadline. A statement whose answer was lost is asked once
//! more only where that changes nothing; an append first looks at the tip. What was read so counts only after a
//! renewal that found it so was acknowledged. Deliberately absent: what the entries say.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use courier_ledger::Tip;
use courier_ledger::log::LogError;
use futures_util::future::{Either, select};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use courier_ledger::Sequence;

use crate::error::{DatabaseError, Fault};
use crate::lease::{self, Lasting};
use crate::machine::{Machine, Running};
use crate::schema::{VERSION, other_version};
use crate::session::{Session, silent};
use crate::settings::{Moved, Settings};
use crate::tables::{End, Hold, Look, Nonce, Row, Tables};

/// What is to be appended at once.
pub(crate) struct Batch {
    /// The place before it, …
    pub(crate) from: Tip,
    /// … the place behind it, …
    pub(crate) to: Tip,
    /// … and what is between them.
    pub(crate) rows: Vec<Row>,
}

/// A part of the entries.
pub(crate) struct Portion {
    pub(crate) first: Sequence,
    pub(crate) last: Sequence,
    pub(crate) most: i64,
}

type Answer<T> = Sender<Result<T, LogError>>;

enum Request {
    Look(Answer<Look>),
    Claim(Answer<Look>),
    Renew(Answer<()>),
    Append(Batch, Answer<()>),
    Portion(Portion, Answer<Vec<Row>>),
    Move(Option<String>, Answer<()>),
}

/// What asks the thread; when it is dropped, the lease is given back and the thread ends.
pub(crate) struct Keeper {
    requests: Option<UnboundedSender<Request>>,
    running: Option<Box<dyn Running>>,
    machine: Arc<dyn Machine>,
    place: String,
    wait: Duration,
    lasting: Lasting,
}

impl Keeper {
    /// Starts the thread; nothing is connected yet.
    pub(crate) fn start(machine: Arc<dyn Machine>, settings: Settings) -> Result<Self, LogError> {
        let mut nonce = [0; 16];
        openssl::rand::rand_bytes(&mut nonce)
            .map_err(|source| DatabaseError::tls("the source of random numbers", source))?;
        let (requests, receiver) = unbounded_channel();
        let place = settings.place();
        let lasting = Lasting::of(settings.lease, Arc::clone(&machine));
        // Every attempt has its deadline, and there are no more than fit: this is never reached but by a defect.
        let wait = settings.patience + 8 * settings.statement() + Duration::from_secs(5);
        let worker = Worker {
            tables: Tables::of(settings.address.schema()),
            settings,
            machine: Arc::clone(&machine),
            session: None,
            was_connected: false,
            nonce,
            hold: None,
            taken_by: None,
            lasting: lasting.clone(),
        };
        let running = machine.start(Box::new(|| Box::pin(worker.serve(receiver))))?;
        Ok(Self {
            requests: Some(requests),
            running: Some(running),
            machine,
            place,
            wait,
            lasting,
        })
    }

    /// Where the ledger is, in words.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// For how long it is surely held.
    pub(crate) fn lasting(&self) -> Lasting {
        self.lasting.clone()
    }

    /// The row of the runner, of tables that are known.
    pub(crate) fn look(&self) -> Result<Look, LogError> {
        self.wait(&self.ask(Request::Look))
    }

    /// Takes the ledger; gives the row as it was once it was taken.
    pub(crate) fn claim(&self) -> Result<Look, LogError> {
        self.wait(&self.ask(Request::Claim))
    }

    /// Whether it is still held, as a commit of our own says.
    pub(crate) fn renew(&self) -> Result<(), LogError> {
        self.wait(&self.ask(Request::Renew))
    }

    /// Appends, once.
    pub(crate) fn append(&self, batch: Batch) -> Result<(), LogError> {
        self.wait(&self.ask(|answer| Request::Append(batch, answer)))
    }

    /// Says where the ledger is kept; none for: here.
    pub(crate) fn move_to(&self, place: Option<String>) -> Result<(), LogError> {
        self.wait(&self.ask(|answer| Request::Move(place, answer)))
    }

    /// Begins to read a part.
    pub(crate) fn begin(&self, portion: Portion) -> Receiver<Result<Vec<Row>, LogError>> {
        self.ask(|answer| Request::Portion(portion, answer))
    }

    fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Receiver<Result<T, LogError>> {
        let (answer, receiver) = mpsc::channel();
        if let Some(requests) = &self.requests {
            // A thread that is gone has dropped the answer, which whoever waits notices.
            let _noticed_by_whoever_waits = requests.send(request(answer));
        }
        receiver
    }

    /// Waits for an answer.
    pub(crate) fn wait<T>(&self, answer: &Receiver<Result<T, LogError>>) -> Result<T, LogError> {
        let mut answered = Err(RecvTimeoutError::Timeout);
        self.machine.wait(self.wait, &mut |most| {
            answered = answer.recv_timeout(most);
            !matches!(answered, Err(RecvTimeoutError::Timeout))
        });
        match answered {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(DatabaseError::Silent {
                place: self.place.clone(),
                step: "the connection",
                seconds: self.wait.as_secs(),
            }
            .into()),
            Err(RecvTimeoutError::Disconnected) => Err(LogError::Unusable {
                place: self.place.clone(),
            }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.requests.take());
        // Giving back the lease has a deadline; a thread that panicked has given back nothing.
        drop(self.running.take());
    }
}

/// What is asked of the database next.
const LOOKING: &str = "looking at the tip";
const RENEWING: &str = "renewing the lease";

/// How often something is tried.
#[derive(Clone, Copy)]
enum Attempts {
    One,
    AsLongAsPatienceLasts,
}

struct Worker {
    settings: Settings,
    machine: Arc<dyn Machine>,
    tables: Tables,
    session: Option<Session>,
    /// What has never answered is not waited for.
    was_connected: bool,
    nonce: Nonce,
    hold: Option<Hold>,
    /// Who holds it instead of us, since that was noticed.
    taken_by: Option<String>,
    lasting: Lasting,
}

impl Worker {
    async fn serve(mut self, mut requests: UnboundedReceiver<Request>) {
        let every = lease::renewal(self.settings.lease);
        let mut due = Instant::now() + every;
        loop {
            let next = std::pin::pin!(requests.recv());
            let request = match self.hold {
                None => next.await,
                Some(_) => match select(next, std::pin::pin!(sleep_until(due))).await {
                    Either::Left((request, _)) => request,
                    Either::Right(_) => {
                        // What fails here is tried again soon; meanwhile the lease grows old, which is told.
                        let renewed = self.renew(Attempts::One).await;
                        due = match renewed {
                            Ok(()) => Instant::now() + every,
                            Err(_) => Instant::now() + every.min(Duration::from_secs(1)),
                        };
                        continue;
                    }
                },
            };
            let Some(request) = request else { break };
            let was_held = self.hold.is_some();
            self.answer(request).await;
            if !was_held {
                due = Instant::now() + every;
            }
            if self.hold.is_some() && due <= Instant::now() {
                // Many requests must not keep the lease from being renewed.
                let renewed = self.renew(Attempts::One).await;
                due = Instant::now() + if renewed.is_ok() { every } else { every / 4 };
            }
        }
        if let Some(hold) = self.hold.take() {
            self.lasting.lost();
            let release =
                async |tables: &Tables, client: &Client| tables.release(client, &hold).await;
            // Whoever comes next waits until it has run out, then.
            let _given_back_or_left = self.once("giving back the lease", &release).await;
        }
    }

    async fn answer(&mut self, request: Request) {
        // Whoever asked may have gone away.
        match request {
            Request::Look(answer) => drop(answer.send(self.looked().await)),
            Request::Claim(answer) => drop(answer.send(self.claim().await)),
            Request::Renew(answer) => {
                drop(answer.send(self.renew(Attempts::AsLongAsPatienceLasts).await));
            }
            Request::Append(batch, answer) => drop(answer.send(self.append(&batch).await)),
            Request::Move(place, answer) => {
                drop(answer.send(self.move_to(place.as_deref()).await));
            }
            Request::Portion(portion, answer) => drop(answer.send(self.portion(&portion).await)),
        }
    }

    /// One attempt over the connection that there is, or a new one.
    async fn once<T>(
        &mut self,
        step: &'static str,
        ask: &impl AsyncFn(&Tables, &Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let session = match self.session.take() {
            Some(session) if !session.client().is_closed() => session,
            _ => self.machine.connect(&self.settings).await?,
        };
        self.was_connected = true;
        let asked = ask(&self.tables, session.client());
        match timeout(self.settings.statement(), asked).await {
            Ok(Ok(answer)) => {
                self.session = Some(session);
                Ok(answer)
            }
            Ok(Err(error)) => {
                // A refusal leaves the connection as it was, unless it is one of the connection; where
                // it is to another server, the next attempt looks for the right one.
                let refused = DatabaseError::of(&self.settings.place(), step, error);
                let moved = matches!(refused, DatabaseError::ReadOnly { .. });
                if !session.client().is_closed() && !moved {
                    self.session = Some(session);
                }
                Err(refused)
            }
            // What it still does is not known: its connection is given up.
            Err(_) => Err(silent(&self.settings, step)),
        }
    }

    /// Attempts until there is an answer, or patience ends; for what may be done twice.
    async fn again<T>(
        &mut self,
        step: &'static str,
        ask: &impl AsyncFn(&Tables, &Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DatabaseError> {
        let mut patience = Patience::new(&self.settings);
        loop {
            match self.once(step, ask).await {
                Err(error) if error.is_passing() && self.was_connected => {
                    patience.wait_or(error).await?;
                }
                done => return done,
            }
        }
    }

    async fn look(&mut self) -> Result<Look, LogError> {
        let look = async |tables: &Tables, client: &Client| tables.look(client).await;
        let look = self.again(LOOKING, &look).await?;
        look.ok_or_else(|| Fault::NoTip.at(&self.settings.place()))
    }

    /// The same, once the tables are known to be ours.
    async fn looked(&mut self) -> Result<Look, LogError> {
        let version = async |tables: &Tables, client: &Client| tables.version(client).await;
        match self
            .again("reading the version of the tables", &version)
            .await?
        {
            Some(VERSION) => {}
            Some(found) => return Err(other_version(&self.settings, found).into()),
            None => {
                let place = self.settings.place();
                return Err(DatabaseError::NoTables { place }.into());
            }
        }
        self.look().await
    }

    /// Takes the ledger, if nobody has it, and looks at it then.
    async fn claim(&mut self) -> Result<Look, LogError> {
        let before = self.looked().await?;
        self.is_here(&before)?;
        let (nonce, settings) = (self.nonce, self.settings.clone());
        let claim =
            async |tables: &Tables, client: &Client| tables.claim(client, &nonce, &settings).await;
        let asked = self.machine.now();
        // Should the answer be lost, it is taken once more, under the next epoch.
        let epoch = self.again("taking the lease", &claim).await?;
        let found = self.look().await?;
        let Some(epoch) = epoch else {
            return Err(self.busy(&found));
        };
        let hold = Hold { epoch, nonce };
        self.hold = Some(hold);
        if !found.is_held_by(&hold) {
            return Err(self.fenced(&found));
        }
        self.is_here(&found)?;
        self.lasting.granted(asked);
        // What was looked at just now was so before the lease was taken: an append needs the lease.
        // The commit that took it was acknowledged, and with it everything before it.
        Ok(found)
    }

    /// Whether the ledger is kept here, as its row says; it can be read wherever it is.
    fn is_here(&self, found: &Look) -> Result<(), LogError> {
        match (&found.moved_to, self.settings.moved) {
            (Some(to), Moved::Refused) => Err(DatabaseError::Moved {
                place: self.settings.place(),
                to: to.clone(),
            }
            .into()),
            (Some(_), Moved::Taken) | (None, _) => Ok(()),
        }
    }

    fn busy(&self, found: &Look) -> LogError {
        LogError::Busy {
            place: self.settings.place(),
            by: Some(held_by(found)),
        }
    }

    /// Nothing can be written any more.
    fn fenced(&mut self, found: &Look) -> LogError {
        self.lasting.lost();
        let by = self.taken_by.insert(held_by(found)).clone();
        LogError::Fenced {
            place: self.settings.place(),
            by,
        }
    }

    fn hold(&self) -> Result<Hold, LogError> {
        let place = self.settings.place();
        match (&self.taken_by, self.hold) {
            (Some(by), _) => Err(LogError::Fenced {
                place,
                by: by.clone(),
            }),
            (None, Some(hold)) => Ok(hold),
            (None, None) => Err(LogError::Unusable { place }),
        }
    }

    /// Holds it for longer.
    async fn renew(&mut self, attempts: Attempts) -> Result<(), LogError> {
        let hold = self.hold()?;
        let lease = self.settings.lease;
        let asked = self.machine.now();
        let renew =
            async |tables: &Tables, client: &Client| tables.renew(client, &hold, lease).await;
        let renewed = match attempts {
            Attempts::One => self.once(RENEWING, &renew).await?,
            Attempts::AsLongAsPatienceLasts => self.again(RENEWING, &renew).await?,
        };
        if !renewed {
            let found = self.look().await?;
            return Err(self.fenced(&found));
        }
        self.lasting.granted(asked);
        Ok(())
    }

    /// The same, with a commit that proves that the log ends there and is kept so; no if it does not end there.
    async fn renew_behind(&mut self, tip: Tip) -> Result<bool, LogError> {
        let hold = self.hold()?;
        let lease = self.settings.lease;
        let asked = self.machine.now();
        let renew = async |tables: &Tables, client: &Client| {
            tables.renew_behind(client, &hold, lease, tip).await
        };
        let renewed = self.again(RENEWING, &renew).await?;
        if renewed {
            self.lasting.granted(asked);
        }
        Ok(renewed)
    }

    /// Appends once, whatever becomes of the connection.
    async fn append(&mut self, batch: &Batch) -> Result<(), LogError> {
        let hold = self.hold()?;
        let append = async |tables: &Tables, client: &Client| {
            tables
                .append(client, &hold, (batch.from, batch.to), &batch.rows)
                .await
        };
        let mut patience = Patience::new(&self.settings);
        loop {
            match self.once("appending", &append).await {
                Ok(true) => return Ok(()),
                // Nothing was changed: somebody else has the ledger, or an attempt before had come through.
                Ok(false) => {}
                Err(DatabaseError::Failed { source, .. })
                    if source.code() == Some(&SqlState::UNIQUE_VIOLATION) =>
                {
                    let found = self.look().await?;
                    let (tip, last) = (batch.from.sequence, found.last());
                    return Err(Fault::MovedBack { tip, last }.at(&self.settings.place()));
                }
                Err(error) if error.is_passing() => patience.wait_or(error).await?,
                Err(error) => return Err(error.into()),
            }
            // Whether it happened is not known by its answer, but by the row that it would have changed.
            let found = self.look().await?;
            if !found.is_held_by(&hold) {
                return Err(self.fenced(&found));
            }
            match found.end() {
                End::At(tip) if tip == batch.to => {
                    // What is shown can still be lost, and then the attempt after this one finds it gone.
                    if self.renew_behind(tip).await? {
                        return Ok(());
                    }
                }
                End::At(tip) if tip == batch.from => {}
                End::Vacant if batch.from.sequence == Sequence::NONE => {}
                End::At(tip) if tip.sequence < batch.from.sequence => {
                    let (tip, known) = (tip.sequence, batch.from.sequence);
                    return Err(Fault::Older { tip, known }.at(&self.settings.place()));
                }
                End::At(tip) => {
                    return Err(LogError::Conflict {
                        expected: batch.from.sequence.next(),
                        due: tip.sequence.next(),
                    });
                }
                End::Vacant | End::Unusable => {
                    return Err(Fault::NoTip.at(&self.settings.place()));
                }
            }
        }
    }

    async fn move_to(&mut self, place: Option<&str>) -> Result<(), LogError> {
        let hold = self.hold()?;
        let moving =
            async |tables: &Tables, client: &Client| tables.move_to(client, &hold, place).await;
        if self.again("saying where the ledger is", &moving).await? {
            return Ok(());
        }
        let found = self.look().await?;
        Err(self.fenced(&found))
    }

    async fn portion(&mut self, portion: &Portion) -> Result<Vec<Row>, LogError> {
        let Portion { first, last, most } = *portion;
        let portion = async |tables: &Tables, client: &Client| {
            tables.portion(client, (first, last), most).await
        };
        Ok(self.again("reading entries", &portion).await?)
    }
}

/// Who holds a ledger, for people.
fn held_by(found: &Look) -> String {
    let who = found.holder.as_deref().filter(|_| found.is_held());
    match (who, &found.holder) {
        (Some(who), _) => format!(
            "{who} (epoch {}; its lease ends in {} s unless it renews it)",
            found.epoch,
            found.left().as_secs()
        ),
        (None, Some(who)) => format!("{who} (epoch {}; it holds it no longer)", found.epoch),
        (None, None) => format!("nobody (epoch {})", found.epoch),
    }
}

/// How long something is tried again.
struct Patience {
    until: Instant,
    wait: Duration,
}

impl Patience {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    fn new(settings: &Settings) -> Self {
        Self {
            until: Instant::now() + settings.patience,
            wait: Self::FIRST,
        }
    }

    /// Waits, each time longer; the error, when it is over.
    async fn wait_or(&mut self, error: DatabaseError) -> Result<(), DatabaseError> {
        if Instant::now() + self.wait > self.until {
            return Err(error);
        }
        sleep(self.wait).await;
        self.wait = (2 * self.wait).min(Self::LONGEST);
        Ok(())
    }
}
