//! The way to the drop-box: connecting on a thread of its own, again when that may help, and telling
//! the carrier how it went.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use courier_ledger::{Failure, FailureClass, Phase, StatusFound};

use super::SftpCarrier;
use super::fetch::{Fetcher, Fetching};
use super::keeper::{Keeper, Outlet};
use super::message::Message;
use crate::effects::persistence::{Persistence, Repeated};
use crate::effects::sftp::{DropBox, Endpoint};
use crate::effects::waker::Waker;
use crate::run::Departure;

/// Everything that connecting needs, as often as it takes.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) endpoint: Arc<Endpoint>,
    /// Whether the server has broken while it was written to.
    is_narrow: Arc<AtomicBool>,
    waker: Waker,
    pub(super) persistence: Persistence,
    pub(super) messages: Sender<Message>,
    outlet: Outlet,
    /// Who keeps the connection when the run is over, if anybody does.
    keeper: Option<Keeper>,
}

impl Connector {
    /// Begins to connect, after a wait. The end of it comes as a message.
    pub(super) fn begin(&self, wait: Duration) {
        let connector = self.clone();
        // Once for the process, and not on the new thread: should the program end meanwhile, there is no
        // longer anything to begin that could be ended in good order, and the library would panic.
        ssh2::init();
        let begun = std::thread::Builder::new()
            .name("connect".to_owned())
            .spawn(move || {
                let result = match connector.persistence.stop().wait(wait) {
                    Ok(()) => connector.connect(),
                    Err(reason) => Err(reason.failure()),
                };
                // The run is over when nobody listens any more.
                let _unheard = connector.messages.send(Message::Connected(result));
            });
        if let Err(error) = begun {
            let failure = Failure {
                phase: Phase::Connect,
                class: FailureClass::Transient,
                text: format!(
                    "no thread to connect on: {error}; this user may run more of them, or use more \
                     memory, when `ulimit -u` and `ulimit -v` allow it"
                ),
            };
            let _unheard = self.messages.send(Message::Connected(Err(failure)));
        }
    }

    /// From the next connection on little is sent at once; said once.
    pub(super) fn narrow(&self) {
        if !self.is_narrow.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the connection to the drop-box was lost while files were being written: from here on \
                 little is sent at once, in small packets"
            );
        }
    }

    fn connect(&self) -> Result<DropBox, Failure> {
        let mut endpoint = Endpoint::clone(&self.endpoint);
        if self.is_narrow.load(Ordering::Relaxed) {
            endpoint.window = endpoint.window.narrowed();
        }
        let mut repetition = 0;
        loop {
            let outlet = self.outlet.clone();
            let connected = DropBox::connect(&endpoint, self.waker.clone(), move |done| {
                outlet.tell(Message::Transferred(done));
            });
            let failure = match connected {
                Ok(drop_box) => return Ok(drop_box),
                Err(error) => error.failure(),
            };
            repetition += 1;
            if failure.class != FailureClass::Transient
                || !self
                    .persistence
                    .waits_before(Repeated::Connection, repetition, None)
            {
                return Err(failure);
            }
            tracing::info!("{failure}; connecting once more");
        }
    }

    /// Takes over a connection that is in order and has nothing under way.
    pub(super) fn keep(&self, drop_box: DropBox) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(drop_box);
        }
    }

    /// The wait before connecting anew for the `repetition`th time in a row without success in
    /// between; none when there have been too many.
    pub(super) fn wait_before(&self, repetition: u32) -> Option<Duration> {
        self.persistence
            .wait_before(Repeated::Connection, repetition, None)
    }
}

/// A connection to the drop-box in the making.
pub(crate) struct Connecting {
    connector: Connector,
    receiver: Receiver<Message>,
    fetcher: Fetcher,
    capacity: usize,
    has_begun: bool,
}

impl Connecting {
    /// Begins to connect on a thread of its own, so that the broker can be polled meanwhile. `waker` is
    /// what wakes whichever drop-box is connected.
    #[must_use]
    pub(crate) fn begin(endpoint: Endpoint, fetcher: Fetcher, waker: Waker) -> Self {
        let outlet = Outlet::closed();
        let mut connecting = Self::with(endpoint, fetcher, waker, outlet, None);
        connecting.connector.begin(Duration::ZERO);
        connecting.has_begun = true;
        connecting
    }

    /// Does not begin before somebody waits for it, and goes on with the connection that `keeper` has, if that
    /// still stands. When the run is over, it is kept again.
    #[must_use]
    pub(crate) fn when_needed(endpoint: Endpoint, fetcher: Fetcher, keeper: Keeper) -> Self {
        let (waker, outlet) = (keeper.waker(), keeper.outlet());
        Self::with(endpoint, fetcher, waker, outlet, Some(keeper))
    }

    fn with(
        endpoint: Endpoint,
        fetcher: Fetcher,
        waker: Waker,
        outlet: Outlet,
        keeper: Option<Keeper>,
    ) -> Self {
        let persistence = fetcher.broker.persistence().clone();
        let (messages, receiver) = channel();
        let capacity = fetcher.concurrency + endpoint.window.open_files;
        let stopped = messages.clone();
        persistence.stop().listen(move |reason| {
            let _unheard = stopped.send(Message::Stopped(reason));
        });
        let connector = Connector {
            endpoint: Arc::new(endpoint),
            is_narrow: Arc::default(),
            waker,
            persistence,
            messages,
            outlet,
            keeper,
        };
        connector.outlet.lead_to(connector.messages.clone());
        Self {
            connector,
            receiver,
            fetcher,
            capacity,
            has_begun: false,
        }
    }
}

impl Departure for Connecting {
    type Carrier = SftpCarrier;

    fn arrive(self) -> Result<(SftpCarrier, StatusFound), Failure> {
        let Self {
            connector,
            receiver,
            fetcher,
            capacity,
            has_begun,
        } = self;
        let arrived = |connector: Connector, receiver, drop_box, published| {
            let messages = connector.messages.clone();
            let fetching = Fetching::new(Arc::new(fetcher), messages, connector.waker.clone());
            let carrier = SftpCarrier::new(connector, receiver, drop_box, fetching, capacity);
            (carrier, published)
        };
        let kept = connector.keeper.as_ref().and_then(|it| it.take(&receiver));
        if let Some((drop_box, published)) = kept {
            return Ok(arrived(connector, receiver, drop_box, published));
        }
        if !has_begun {
            connector.begin(Duration::ZERO);
        }
        loop {
            match receiver.recv() {
                Ok(Message::Connected(Ok(drop_box))) => {
                    let published = drop_box.published().clone();
                    return Ok(arrived(connector, receiver, drop_box, published));
                }
                Ok(Message::Connected(Err(failure))) => return Err(failure),
                Ok(Message::Stopped(reason)) => return Err(reason.failure()),
                // Nothing else is under way yet.
                Ok(Message::Arriving(..) | Message::Fetched(..) | Message::Transferred(_)) => {}
                Err(_) => return Err(super::nobody_answers()),
            }
        }
    }
}
