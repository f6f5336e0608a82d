//! The embedded broker, or AKTIN's own: one story is told at both.
//!
//! What always holds here: people act over HTTP, so both are told the same. Deliberately absent: faults,
//! which only the embedded one has.

use crate::aktin::{Aktin, AktinError};
use crate::broker::{EmbeddedBroker, Settings};
use crate::people::{Analyst, Hospital};

/// A broker that runs until it is dropped.
#[derive(Debug)]
pub enum EitherBroker {
    /// The embedded one.
    Embedded(EmbeddedBroker),
    /// AKTIN's own.
    Aktin(Aktin),
}

impl EitherBroker {
    /// The embedded broker, and AKTIN's own where it is there, each started when its turn comes.
    pub fn each() -> impl Iterator<Item = Self> {
        let embedded = || {
            let broker = EmbeddedBroker::start(Settings::default());
            Some(Self::Embedded(broker.unwrap_or_else(|error| {
                panic!("the embedded broker does not start: {error}")
            })))
        };
        let aktin = || {
            let broker = Aktin::start_if_available()?;
            Some(Self::Aktin(
                broker.unwrap_or_else(|error| panic!("{error}")),
            ))
        };
        std::iter::once_with(embedded)
            .chain(std::iter::once_with(aktin))
            .flatten()
    }

    /// The address below which all paths lie.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Embedded(broker) => broker.url(),
            Self::Aktin(broker) => broker.url().to_owned(),
        }
    }

    /// Publishes a request with a tag; gives its number.
    pub fn publish(&self, tag: &str) -> Result<u64, String> {
        self.analyst().publish(tag)
    }

    /// Publishes a request that a hospital has answered; gives its number.
    pub fn publish_answered(&self, tag: &str) -> Result<u64, String> {
        let id = self.publish(tag)?;
        let hospital = Hospital::new(&self.url(), EmbeddedBroker::NODE_1_KEY);
        hospital.deliver(id, "text/plain", "a result")?;
        Ok(id)
    }

    /// Deletes a request.
    pub fn delete(&self, id: u64) -> Result<(), String> {
        self.analyst().delete(id)
    }

    /// Its database is set up anew, under the same address.
    pub fn recreate_database(&mut self) -> Result<(), AktinError> {
        match self {
            Self::Embedded(broker) => {
                broker.recreate_database();
                Ok(())
            }
            Self::Aktin(broker) => broker.recreate_database(),
        }
    }

    fn analyst(&self) -> Analyst {
        Analyst::new(&self.url(), EmbeddedBroker::ADMIN_KEY)
    }
}
