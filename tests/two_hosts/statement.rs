//! The statements that the ledger asks, and nothing else: known by their words.
//!
//! What always holds: words that changed are not known any more; then what the model does for them must be looked at.

use std::fmt;

use super::wire::{Asked, Reader};

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Version,
    Look,
    Claim {
        nonce: Vec<u8>,
        holder: String,
        micros: i64,
    },
    TakeOver {
        nonce: Vec<u8>,
        holder: String,
        micros: i64,
        epoch: i64,
    },
    Renew {
        hold: Hold,
        micros: i64,
    },
    RenewBehind {
        hold: Hold,
        micros: i64,
        tip: (i64, Vec<u8>),
    },
    Release {
        hold: Hold,
    },
    Append(Box<Append>),
    Portion {
        first: i64,
        last: i64,
        most: i64,
    },
}

/// Under which epoch, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) epoch: i64,
    pub(crate) nonce: Vec<u8>,
}

/// An append.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) log: Vec<u8>,
    pub(crate) to: (i64, Vec<u8>),
    pub(crate) hold: Hold,
    pub(crate) from: (i64, Vec<u8>),
    /// Number, hash and payload of each.
    pub(crate) rows: Vec<(i64, Vec<u8>, Vec<u8>)>,
}

const VERSION: &str = "select version from model.version where one = 1";
const LOOK: &str = "select r.log, r.sequence, r.hash, r.epoch, r.nonce, r.holder, \
    cast(extract(epoch from (r.until - now())) * 1000000 as int8), r.moved_to, \
    (select max(e.sequence) from model.entry e) \
    from model.runner r where r.one = 1";
const CLAIM: &str = "update model.runner set epoch = epoch + 1, nonce = $1, holder = $2, \
    until = now() + $3 * interval '1 microsecond' \
    where one = 1 and (nonce is null or nonce = $1 or until < now()) \
    returning epoch";
const TAKE_OVER: &str = "update model.runner set epoch = epoch + 1, nonce = $1, holder = $2, \
    until = now() + $3 * interval '1 microsecond' \
    where one = 1 and (epoch = $4 and nonce is not null or nonce = $1) \
    returning epoch";
const RENEW: &str = "update model.runner set until = now() + $3 * interval '1 microsecond' \
    where one = 1 and epoch = $1 and nonce = $2";
const RENEW_BEHIND: &str = "update model.runner set until = now() + $3 * interval '1 microsecond' \
    where one = 1 and epoch = $1 and nonce = $2 and sequence = $4 and hash = $5";
const RELEASE: &str = "update model.runner set nonce = null, until = null \
    where one = 1 and epoch = $1 and nonce = $2";
const APPEND: &str = "with moved as (\
    update model.runner set log = $1, sequence = $2, hash = $3 \
    where one = 1 and epoch = $4 and nonce = $5 and sequence = $6 \
    and (log = $1 and hash = $7 or log is null and sequence = 0) \
    returning one) \
    insert into model.entry (sequence, hash, payload) \
    select e.sequence, e.hash, e.payload \
    from unnest($8::int8[], $9::bytea[], $10::bytea[]) as e (sequence, hash, payload) \
    where exists (select 1 from moved)";
const PORTION: &str = "select sequence, hash, payload from model.entry \
    where sequence >= $1 and sequence <= $2 order by sequence limit $3";

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("version"),
            Self::Look => f.write_str("look"),
            Self::Claim { .. } => f.write_str("claim"),
            Self::TakeOver { epoch, .. } => write!(f, "take over from epoch {epoch}"),
            Self::Renew { hold, .. } => write!(f, "renew epoch {}", hold.epoch),
            Self::RenewBehind { hold, tip, .. } => {
                write!(f, "renew epoch {} behind {}", hold.epoch, tip.0)
            }
            Self::Release { hold } => write!(f, "release epoch {}", hold.epoch),
            Self::Append(append) => {
                let (from, to) = (append.from.0 + 1, append.to.0);
                write!(f, "append {from}..={to} in epoch {}", append.hold.epoch)
            }
            Self::Portion { first, last, most } => {
                write!(f, "portion {first}..={last}, at most {most}")
            }
        }
    }
}

impl Statement {
    /// What these words ask.
    pub(crate) fn of(asked: &Asked) -> Self {
        let bytes = |at: usize| asked.parameters[at].clone().expect("a parameter");
        let number = |at| number(&bytes(at));
        let hold = |at| Hold {
            epoch: number(at),
            nonce: bytes(at + 1),
        };
        match asked.sql.as_str() {
            VERSION => Self::Version,
            LOOK => Self::Look,
            CLAIM => Self::Claim {
                nonce: bytes(0),
                holder: String::from_utf8(bytes(1)).unwrap(),
                micros: number(2),
            },
            TAKE_OVER => Self::TakeOver {
                nonce: bytes(0),
                holder: String::from_utf8(bytes(1)).unwrap(),
                micros: number(2),
                epoch: number(3),
            },
            RENEW => Self::Renew {
                hold: hold(0),
                micros: number(2),
            },
            RENEW_BEHIND => Self::RenewBehind {
                hold: hold(0),
                micros: number(2),
                tip: (number(3), bytes(4)),
            },
            RELEASE => Self::Release { hold: hold(0) },
            APPEND => {
                let numbers = array(&bytes(7)).into_iter().map(|it| self::number(&it));
                let rows = numbers.zip(array(&bytes(8))).zip(array(&bytes(9)));
                Self::Append(Box::new(Append {
                    log: bytes(0),
                    to: (number(1), bytes(2)),
                    hold: hold(3),
                    from: (number(5), bytes(6)),
                    rows: rows
                        .map(|((number, hash), payload)| (number, hash, payload))
                        .collect(),
                }))
            }
            PORTION => Self::Portion {
                first: number(0),
                last: number(1),
                most: number(2),
            },
            other => panic!("the model does not know this statement: {other}"),
        }
    }
}

fn number(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(bytes.try_into().expect("eight bytes"))
}

fn array(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader(bytes);
    let (dimensions, _may_be_null, _kind) = (reader.word(), reader.word(), reader.word());
    if dimensions == 0 {
        return Vec::new();
    }
    let (length, _first) = (reader.word(), reader.word());
    (0..length)
        .map(|_| reader.bytes().expect("no null"))
        .collect()
}
