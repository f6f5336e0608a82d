//! The broker, call by call, as a run makes them.

use std::time::{Duration, Instant};

use courier_ledger::Counted;
use courier_ledger::{BrokerTime, Quoted, RequestId};

use super::report::{Link, Report, Standing};
use crate::cli::error::CommandError;
use crate::config::Configuration;
use crate::effects::broker::{Broker, Reached, Unanswered};
use crate::effects::persistence::Persistence;
use crate::effects::stop::Stop;
use crate::exit_code::ExitCode;

const ADDRESS: Link = Link::new("broker.address", "address");
const API_KEY: Link = Link::new("broker.api-key", "API key");
const LIST: Link = Link::new("broker.list", "all requests");
const TAG: Link = Link::new("broker.tag", "tag");
const STATUS: Link = Link::new("broker.status", "one status");
const EXPORT: Link = Link::new("broker.export", "one export");
const CLOCK: Link = Link::new("broker.clock", "clock");

/// All of them.
pub(super) const LINKS: &[Link] = &[ADDRESS, API_KEY, LIST, TAG, STATUS, EXPORT, CLOCK];

pub(super) fn check(configuration: &Configuration, stop: &Stop, report: &mut Report) {
    // What does not work at once is what a person wants to know.
    let persistence = Persistence::new(0, 0, stop.clone());
    let broker = match Broker::new(configuration.broker.clone(), persistence) {
        Ok(broker) => broker,
        Err(error) => {
            let error = CommandError::from(error);
            let standing = Standing::Fails {
                code: error.code,
                remedy: "REQUESTS_CA_BUNDLE names certificates (docs/configuration.md)".to_owned(),
            };
            report.add(ADDRESS, &standing, &[error.in_one_line()], None);
            return report.rest(LINKS, "the address");
        }
    };
    let address = configuration.broker.address.to_string();
    if let Err(because) = calls(&broker, &address, configuration, report) {
        report.rest(LINKS, because);
    }
}

/// Makes the calls; what cannot be asked any more comes after what is given.
fn calls(
    broker: &Broker,
    address: &str,
    configuration: &Configuration,
    report: &mut Report,
) -> Result<(), &'static str> {
    let since = Instant::now();
    let asked = broker.ask_whole_list();
    let took = since.elapsed();
    let reached = match &asked {
        Ok(_) => None,
        Err(unanswered) => Some(unanswered.reached),
    };
    if let (Some(Reached::Nobody), Err(unanswered)) = (reached, &asked) {
        fail(report, ADDRESS, unanswered, took);
        return Err("the address");
    }
    let answers = [format!("{address} answers")];
    report.add(ADDRESS, &Standing::Holds, &answers, Some(took));
    if let (Some(Reached::Door), Err(unanswered)) = (reached, &asked) {
        fail(report, API_KEY, unanswered, took);
        return Err("the API key");
    }
    let is_key = ["it is an administrator's".to_owned()];
    report.add(API_KEY, &Standing::Holds, &is_key, None);
    let (all, time) = match asked {
        Ok(answer) => answer,
        Err(unanswered) => {
            fail(report, LIST, &unanswered, took);
            return Err("the list");
        }
    };
    let says = [Counted(all.len(), "request").to_string()];
    report.add(LIST, &Standing::Holds, &says, Some(took));
    clock(time, report);
    let tagged = tag(broker, configuration, report)?;
    one_request(broker, tagged.first().or(all.first()).copied(), report);
    Ok(())
}

fn tag(
    broker: &Broker,
    configuration: &Configuration,
    report: &mut Report,
) -> Result<Vec<RequestId>, &'static str> {
    let tag = configuration.broker.tag.to_string();
    let since = Instant::now();
    let asked = broker.ask_tagged_list();
    let took = since.elapsed();
    match asked {
        Ok(tagged) => {
            let says = [format!(
                "{} {} the tag {}",
                Counted(tagged.len(), "request"),
                if tagged.len() == 1 { "has" } else { "have" },
                Quoted(&tag)
            )];
            let standing = match tagged.is_empty() {
                true => Standing::Noted {
                    remedy: "is REQUESTS.TAG spelt as the broker's users spell it?".to_owned(),
                },
                false => Standing::Holds,
            };
            report.add(TAG, &standing, &says, Some(took));
            Ok(tagged)
        }
        Err(unanswered) => {
            fail(report, TAG, &unanswered, took);
            Err("the tag")
        }
    }
}

/// What a run asks of each request.
fn one_request(broker: &Broker, request: Option<RequestId>, report: &mut Report) {
    let Some(request) = request else {
        return report.rest(&[STATUS, EXPORT], "a first request");
    };
    let since = Instant::now();
    match broker.ask_status(request) {
        Ok(nodes) => {
            let says = [format!(
                "of request {request}: {}",
                Counted(nodes.len(), "node")
            )];
            report.add(STATUS, &Standing::Holds, &says, Some(since.elapsed()));
        }
        Err(unanswered) => fail(report, STATUS, &unanswered, since.elapsed()),
    }
    let since = Instant::now();
    match broker.ask_bundle(request) {
        Ok(size) => {
            let size = size.map(|it| format!(", {it} bytes")).unwrap_or_default();
            let says = [format!("of request {request}: it comes{size}")];
            report.add(EXPORT, &Standing::Holds, &says, Some(since.elapsed()));
        }
        Err(unanswered) => fail(report, EXPORT, &unanswered, since.elapsed()),
    }
}

fn clock(time: Option<BrokerTime>, report: &mut Report) {
    let (standing, says) = match time.map(BrokerTime::difference) {
        Some(None) => (Standing::Holds, "agrees with ours".to_owned()),
        Some(Some(difference)) => {
            let remedy = "set the clock that is wrong (NTP)".to_owned();
            (Standing::Noted { remedy }, difference.to_string())
        }
        None => {
            let remedy = String::new();
            (
                Standing::Noted { remedy },
                "the broker does not tell its time".to_owned(),
            )
        }
    };
    report.add(CLOCK, &standing, &[says], None);
}

fn fail(report: &mut Report, link: Link, unanswered: &Unanswered, took: Duration) {
    let remedy = match unanswered.advice {
        "" => "try again; if it stays, ask the broker's operator",
        advice => advice,
    };
    let standing = Standing::Fails {
        code: ExitCode::Broker,
        remedy: remedy.to_owned(),
    };
    report.add(
        link,
        &standing,
        std::slice::from_ref(&unanswered.text),
        Some(took),
    );
}
