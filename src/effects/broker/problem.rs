//! What can go wrong in a call, in words that name what came and what to do, and of which class it
//! is.
//!
//! What always holds here: no key, no link of a download, no byte of a body; of a page only its
//! title, cleaned, and none around a download's link.

use std::fmt;
use std::time::Duration;

use courier_ledger::{Failure, FailureClass};

use super::call::Call;
use super::document::DocumentError;
use crate::effects::stop::StopReason;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The host's name has no address.
    NameUnknown,
    /// There was no thread to look the host's name up on.
    NoThread,
    /// Nothing listens there.
    Refused,
    /// No route to the host.
    Unreachable,
    /// No connection within the limit.
    ConnectTimedOut(Duration),
    /// No answer within the limit.
    AnswerTimedOut(Duration),
    /// The answer began and was not complete within the limit.
    BodyTimedOut(Duration),
    /// Not a byte for that long.
    Silent(Duration),
    /// No trusted connection.
    Tls(TlsProblem),
    /// The connection broke off.
    Closed,
    /// The other side does not speak HTTP.
    NotHttp,
    /// Anything else between here and there.
    Transport,
    /// Another status than 200.
    Status {
        status: u16,
        came: Option<Came>,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The call was sent elsewhere.
    Redirect { status: u16, origin: Option<String> },
    /// Another media type.
    Media {
        expected: &'static str,
        came: Option<Came>,
    },
    /// Another charset.
    Charset,
    /// The body is packed, which nobody asked for.
    Packed,
    /// The body is larger than what may be held.
    TooLarge(u64),
    /// The document does not count.
    Document(DocumentError),
    /// The answer to an export is no link.
    NotLink,
    /// The download does not begin as a zip archive does.
    NotZip,
    /// The download does not end as a zip archive does.
    ZipCut { received: u64 },
    /// Fewer bytes than announced.
    Short { announced: u64, received: u64 },
    /// The run is to end.
    Stopped(StopReason),
    /// The calls before got no answer, so this one was not made.
    NotAsked(Box<Self>),
}

impl Problem {
    /// Whether nobody was reached, so that another way there may help.
    pub(super) fn is_of_the_way(&self) -> bool {
        match self {
            Self::NameUnknown | Self::Refused | Self::Unreachable | Self::ConnectTimedOut(_) => {
                true
            }
            Self::NotAsked(problem) => problem.is_of_the_way(),
            _ => false,
        }
    }
}

/// What came instead, where it may be repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Came {
    /// Its media type.
    pub(crate) media: Option<String>,
    /// The title of a page.
    pub(crate) title: Option<String>,
}

/// Why there is no trusted connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsProblem {
    UnknownAuthority,
    Expired,
    WrongHost,
    Certificate,
    Version,
    NotTls,
    Other,
}

impl Problem {
    /// What it asks for.
    pub(crate) fn class(&self, call: Call) -> FailureClass {
        use FailureClass::{NeedsPerson, Permanent, Transient};
        match self {
            Self::NameUnknown
            | Self::NoThread
            | Self::Refused
            | Self::Unreachable
            | Self::ConnectTimedOut(_)
            | Self::AnswerTimedOut(_)
            | Self::BodyTimedOut(_)
            | Self::Silent(_)
            | Self::Closed
            | Self::Transport
            | Self::Stopped(_)
            | Self::ZipCut { .. }
            | Self::Short { .. }
            | Self::Document(DocumentError::Truncated | DocumentError::Empty) => Transient,
            Self::Tls(_)
            | Self::NotHttp
            | Self::Redirect { .. }
            | Self::Media { .. }
            | Self::TooLarge(_) => NeedsPerson,
            Self::Status { status, .. } => match (status, call) {
                (408 | 425 | 429 | 500..=599, _) => Transient,
                // Links expire; another export gives another one.
                (404 | 410, Call::Download(_)) => Transient,
                (401 | 403 | 407, _) | (400 | 404, Call::List | Call::WholeList) => NeedsPerson,
                _ => Permanent,
            },
            Self::Charset | Self::Packed | Self::Document(_) | Self::NotLink | Self::NotZip => {
                Permanent
            }
            Self::NotAsked(last) => last.class(call),
        }
    }

    /// Whether the same call may get another answer within this run. A call that took all of its time
    /// is not repeated: the next would take it again.
    pub(crate) fn is_worth_repeating(&self, call: Call) -> bool {
        let has_timed_out = matches!(
            self,
            Self::ConnectTimedOut(_)
                | Self::AnswerTimedOut(_)
                | Self::BodyTimedOut(_)
                | Self::Silent(_)
                | Self::Stopped(_)
        );
        // Its link is gone for good: that takes another export.
        let has_expired = matches!(
            (self, call),
            (
                Self::Status {
                    status: 404 | 410,
                    ..
                },
                _
            )
        );
        !has_timed_out && !has_expired && self.class(call) == FailureClass::Transient
    }

    /// How long the broker asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the broker gave no answer at all.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(
            self,
            Self::NameUnknown
                | Self::NoThread
                | Self::Refused
                | Self::Unreachable
                | Self::ConnectTimedOut(_)
                | Self::AnswerTimedOut(_)
                | Self::Tls(_)
        )
    }

    /// What a person can do; empty where trying again is all there is.
    pub(crate) fn advice(&self, call: Call) -> &'static str {
        match self {
            Self::NameUnknown => "check the host in BROKER.URL",
            Self::NoThread => {
                "this user may run more threads, or use more memory, when `ulimit -u` and `ulimit -v` \
                 allow it"
            }
            Self::Refused => "is the broker running, and is the port in BROKER.URL right?",
            Self::Unreachable | Self::ConnectTimedOut(_) => {
                "check the host and port in BROKER.URL and any firewall in between"
            }
            Self::Tls(TlsProblem::UnknownAuthority) => {
                "name a PEM file with the authority that signed it in REQUESTS_CA_BUNDLE"
            }
            Self::Tls(TlsProblem::WrongHost) => "check the host in BROKER.URL",
            Self::Tls(TlsProblem::Expired) => "the certificate must be renewed",
            Self::Tls(TlsProblem::NotTls) => "should BROKER.URL begin with http://?",
            Self::Tls(_) => "check the broker's certificate and TLS settings",
            Self::NotHttp => "should BROKER.URL begin with https://, or name another port?",
            Self::Redirect { .. } => "is BROKER.URL the broker's own base address?",
            Self::Media { .. }
            | Self::Document(DocumentError::Html(_) | DocumentError::Root(_)) => {
                "is BROKER.URL the broker's base address? a proxy may have answered"
            }
            Self::Status { status, .. } => match (status, call) {
                (401 | 403, Call::Download(_)) => "a proxy may have answered",
                (401 | 403, _) => "check BROKER.API_KEY: it must belong to an administrator",
                (407, _) => "a proxy has answered: calls must reach the broker directly",
                (400, Call::List) => "the broker refused the search: check REQUESTS.TAG",
                (404, Call::List) => {
                    "is the broker older than 1.3.3, or is BROKER.URL not its base address?"
                }
                (404, Call::WholeList | Call::Export(_)) => {
                    "is BROKER.URL the broker's base address?"
                }
                (404 | 410, Call::Download(_)) => {
                    "the link has expired, or the broker was restarted"
                }
                (500, Call::Export(_)) => "the broker could not build it; was the request deleted?",
                (429 | 503, _) => "the broker asks for fewer calls: try again later",
                _ => "",
            },
            Self::Silent(_) => "BROKER.SILENCE_TIMEOUT allows it longer",
            Self::AnswerTimedOut(_) | Self::BodyTimedOut(_) => call.longer(),
            Self::NotAsked(last) => last.advice(call),
            _ => "",
        }
    }

    /// The failure of a call below that address.
    pub(crate) fn failure(&self, call: Call, address: &str) -> Failure {
        if let Self::Stopped(reason) = self {
            return reason.failure();
        }
        let mut text = format!("{} {address}/{}", call.method(), call.path().join("/"));
        if let Call::Download(id) = call {
            text.push_str(&format!("/… of request {id}"));
        }
        text.push_str(&format!(": {self}"));
        match self.advice(call) {
            "" => (),
            advice => text.push_str(&format!("; {advice}")),
        }
        Failure {
            phase: call.phase(),
            class: self.class(call),
            text,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameUnknown => f.write_str("the host's name could not be looked up"),
            Self::NoThread => f.write_str("there is no thread to look the host's name up on"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("the host cannot be reached"),
            Self::ConnectTimedOut(limit) => write!(f, "no connection within {}", Seconds(*limit)),
            Self::AnswerTimedOut(limit) => write!(f, "no answer within {}", Seconds(*limit)),
            Self::BodyTimedOut(limit) => {
                write!(f, "the answer was not complete within {}", Seconds(*limit))
            }
            Self::Silent(limit) => write!(f, "not a byte came for {}", Seconds(*limit)),
            Self::Tls(problem) => problem.fmt(f),
            Self::Closed => f.write_str("the connection broke off before the answer was complete"),
            Self::NotHttp => f.write_str("what came is not HTTP"),
            Self::Transport => f.write_str("the call failed on its way"),
            Self::Status {
                status,
                came: Some(came),
                ..
            } => write!(f, "answered {status} {came}"),
            Self::Status {
                status, came: None, ..
            } => write!(f, "answered {status}"),
            Self::Redirect {
                status,
                origin: Some(origin),
            } => {
                write!(
                    f,
                    "answered {status} and points to {origin}, which is not followed"
                )
            }
            Self::Redirect {
                status,
                origin: None,
            } => {
                write!(f, "answered {status}, a redirect, which is not followed")
            }
            Self::Media {
                expected,
                came: Some(came),
            } => {
                write!(f, "answered 200 {came} instead of {expected}")
            }
            Self::Media {
                expected,
                came: None,
            } => {
                write!(f, "answered 200 with something else than {expected}")
            }
            Self::Charset => f.write_str("the answer is in another charset than UTF-8"),
            Self::Packed => f.write_str("the answer is compressed, which was not asked for"),
            Self::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            Self::Document(error) => error.fmt(f),
            Self::NotLink => f.write_str("the answer is not the identifier of a download"),
            Self::NotZip => f.write_str("what came is not a zip archive"),
            Self::ZipCut { received } => {
                write!(f, "the zip archive is not complete after {received} bytes")
            }
            Self::Short {
                announced,
                received,
            } => {
                write!(f, "{announced} bytes were announced and {received} came")
            }
            Self::Stopped(reason) => reason.failure().text.fmt(f),
            Self::NotAsked(last) => {
                write!(f, "not asked, as the calls before got no answer: {last}")
            }
        }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => "the certificate was signed by an unknown authority",
            Self::Expired => "the certificate has expired or is not yet valid",
            Self::WrongHost => "the certificate belongs to another host",
            Self::Certificate => "the certificate cannot be verified",
            Self::Version => "the server offers no TLS version from 1.2 on",
            Self::NotTls => "what came is not TLS",
            Self::Other => "the TLS handshake failed",
        })
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.media, &self.title) {
            (Some(media), Some(title)) => write!(f, "with {media} titled \"{title}\""),
            (Some(media), None) => write!(f, "with {media}"),
            (None, Some(title)) => write!(f, "with a page titled \"{title}\""),
            (None, None) => f.write_str("without a media type"),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}
