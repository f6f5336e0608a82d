//! Every call of the broker's interface, from what came to what is answered.
//!
//! What always holds here: no network and no clock. The order of the checks is the broker's: path,
//! method, what the caller accepts, key, ids, then the rest.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::archive::Content;
use super::clock::{from_http_date, http_date};
use super::key::{ApiKeys, Owner};
use super::media_type::{essence, holds, ranges};
use super::predicate::Predicate;
use super::problem::Problem;
use super::reply::{Payload, Reply};
use super::resource::{Access, Resource};
use super::state::{Database, Delivery, Export, Status};
use super::{bundle, query, xml};

/// A call as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) host: String,
    pub(crate) authorization: Option<String>,
    pub(crate) accept: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) body: Bytes,
}

/// An answer, or why there is none.
type Answered = Result<Reply, Problem>;

/// Answers a call.
pub(crate) fn answer(
    database: &mut Database,
    keys: &ApiKeys,
    call: &Call,
    now: Timestamp,
) -> Reply {
    attempt(database, keys, call, now)
        .unwrap_or_else(|problem| problem.reply(&call.method, &call.path, call.accept.as_deref()))
}

fn attempt(database: &mut Database, keys: &ApiKeys, call: &Call, now: Timestamp) -> Answered {
    let resource = found(Resource::parse(&call.path))?;
    if !resource.knows(&call.method) {
        return Err(Problem::method(resource.allow()));
    }
    if let Some(media_type) = resource.produces(&call.method)
        && !accepts(call, media_type)
    {
        return Err(Problem::NOT_ACCEPTABLE);
    }
    if call.method == "OPTIONS"
        && !matches!(resource, Resource::Request(_) | Resource::MyRequest(_))
    {
        // The broker adds a description of the resource, which nobody here reads.
        return Ok(Reply::empty(200).with("allow", resource.allow()));
    }
    let owner = call
        .authorization
        .as_deref()
        .and_then(|header| keys.owner(header));
    // A hospital has been in contact even when it is refused.
    let node = match owner {
        Some(Owner::Node(name)) if resource.access() != Access::Anyone => {
            Some(database.contact(name, now))
        }
        _ => None,
    };
    match (resource.access(), owner) {
        (Access::Anyone, _) => open(database, resource, now),
        (Access::Admin, Some(Owner::Admin)) => admin(database, call, resource, now),
        (Access::Node, Some(_)) => hospital(database, call, resource, node, now),
        _ => Err(Problem::UNAUTHORIZED),
    }
}

/// Whether the caller accepts a media type; here, unlike on error pages, weights do not count.
fn accepts(call: &Call, media_type: &str) -> bool {
    let mut ranges = call.accept.as_deref().unwrap_or("*/*").split(',');
    ranges.any(|range| {
        let range = range.split(';').next().unwrap_or_default();
        holds(range.trim(), media_type)
    })
}

fn found<T>(found: Option<T>) -> Result<T, Problem> {
    found.ok_or(Problem::NOT_FOUND)
}

/// An id: a Java `int`. A negative one is a number that no request and no node has.
fn number(text: &str) -> Option<u64> {
    let id: i32 = text.parse().ok()?;
    Some(id.cast_unsigned().into())
}

fn id(text: &str) -> Result<u64, Problem> {
    found(number(text))
}

/// The type of what came, without its parameters.
fn media_type(call: &Call) -> Result<Option<&str>, Problem> {
    let text = call.content_type.as_deref().filter(|text| !text.is_empty());
    text.map(|text| essence(text).ok_or(Problem::BAD_REQUEST))
        .transpose()
}

fn open(database: &Database, resource: Resource<'_>, now: Timestamp) -> Answered {
    match resource {
        Resource::BrokerStatus => Ok(Reply::xml(&xml::broker_status(now))),
        Resource::Download(uuid) => {
            let uuid = Uuid::parse_str(uuid).ok();
            let export = found(uuid.and_then(|uuid| database.export(uuid, now)))?;
            let name = format!("inline; filename=\"export_{}.zip\"", export.request);
            let archive = Payload::Archive(Arc::clone(&export.archive));
            let reply = Reply::carrying(200, "application/zip", archive)
                .with("last-modified", http_date(export.created))
                .with("content-disposition", name);
            Ok(reply)
        }
        _ => Err(Problem::NOT_FOUND),
    }
}

fn admin(database: &mut Database, call: &Call, resource: Resource<'_>, now: Timestamp) -> Answered {
    match resource {
        Resource::Requests if call.method == "POST" => {
            let media_type = media_type(call)?;
            let id = database.create();
            if let Some(media_type) = media_type {
                database.define(id, media_type, call.body.clone());
            }
            let location = format!("http://{}/broker/request/{id}", call.host);
            Ok(Reply::empty(201).with("location", location))
        }
        Resource::Requests => {
            let requests = database.requests().filter_map(|(id, request)| {
                let mut types = database.definitions(id).map(|(name, _)| name).peekable();
                types.peek()?;
                Some(xml::listed(id, request, types))
            });
            Ok(Reply::xml(&xml::request_list(requests)))
        }
        Resource::Filtered => filtered(database, &call.query),
        Resource::Request(text) => request(database, call, text),
        Resource::Publish(text) => {
            found(database.publish(id(text)?, now))?;
            Ok(Reply::empty(204))
        }
        Resource::Close(text) => {
            found(database.close(id(text)?, now))?;
            Ok(Reply::empty(204))
        }
        Resource::Statuses(text) => {
            let id = id(text)?;
            Ok(match database.crowd_of(id) {
                Some(list) => Reply::new(200, "application/xml", list),
                None => Reply::xml(&xml::status_list(database.statuses(id))),
            })
        }
        Resource::Message(text, node) => {
            let status = database.status(id(text)?, id(node)?);
            let (_, text) = found(status.and_then(|status| status.message.as_ref()))?;
            Ok(Reply::new(200, "text/plain", text.clone()))
        }
        Resource::Export(text) => {
            let request = id(text)?;
            let archive = bundle::build(database, request, now).ok_or(Problem::UNNOTICED)?;
            let uuid = Uuid::new_v4();
            let export = Export {
                request,
                created: now,
                archive: Arc::new(archive),
            };
            database.keep(uuid, export);
            Ok(Reply::new(200, "text/plain", uuid.to_string()))
        }
        Resource::Nodes => Ok(Reply::xml(&xml::node_list(database.nodes()))),
        Resource::Node(text) => {
            let id = id(text)?;
            let (_, node) = found(database.nodes().find(|(other, _)| *other == id))?;
            Ok(Reply::xml(&xml::node(id, node)))
        }
        Resource::Results(text) => {
            let id = number(text).ok_or(Problem::UNNOTICED)?;
            if call.method == "DELETE" {
                database.drop_deliveries(id);
                return Ok(Reply::empty(204));
            }
            let rows = database.deliveries(id);
            let rows = rows.map(|(node, delivery)| (node, delivery.media_type.as_str()));
            Ok(Reply::xml(&xml::result_list(rows)))
        }
        Resource::Result(text, node) => {
            let (id, node) = (id(text)?, id(node)?);
            let (_, delivery) = found(database.deliveries(id).find(|(other, _)| *other == node))?;
            let payload = Payload::Content(delivery.content.clone());
            let reply = Reply::carrying(200, &delivery.media_type, payload);
            Ok(reply.with("last-modified", http_date(delivery.received)))
        }
        _ => Err(Problem::NOT_FOUND),
    }
}

fn request(database: &mut Database, call: &Call, text: &str) -> Answered {
    match call.method.as_str() {
        "PUT" => {
            let media_type = media_type(call)?.ok_or(Problem::UNNOTICED)?;
            let id = number(text).ok_or(Problem::BAD_REQUEST)?;
            database.define(id, media_type, call.body.clone());
            Ok(Reply::empty(204))
        }
        "DELETE" => {
            database.delete(number(text).ok_or(Problem::BAD_REQUEST)?);
            Ok(Reply::empty(204))
        }
        "OPTIONS" => {
            let reply = described(database, id(text)?).unwrap_or_else(|| Reply::empty(404));
            Ok(reply.with("allow", Resource::Request("").allow()))
        }
        _ => handed_out(database, call, id(text)?),
    }
}

fn described(database: &Database, id: u64) -> Option<Reply> {
    let types = database.definitions(id).map(|(name, _)| name);
    let request = database.request(id)?;
    Some(Reply::xml(&xml::request(id, request, types)))
}

/// A request's definition: the first of those that the caller accepts most.
fn handed_out(database: &Database, call: &Call, id: u64) -> Answered {
    found(database.definitions(id).next())?;
    let mut ranges = ranges(call.accept.as_deref()).into_iter();
    let accepted = ranges.find_map(|range| {
        let mut definitions = database.definitions(id);
        definitions.find(|(name, _)| holds(range, name))
    });
    let (name, definition) = accepted.ok_or(Problem::NOT_ACCEPTABLE)?;
    let media_type = format!("{name};charset=UTF-8");
    Ok(Reply::new(200, &media_type, definition.bytes.clone()))
}

fn filtered(database: &Database, text: &str) -> Answered {
    let media_type = query::value(text, "type")
        .filter(|name| name.ends_with("+xml") || name.ends_with("/xml"))
        .ok_or(Problem::BAD_REQUEST)?;
    let predicate = query::value(text, "predicate").ok_or(Problem::UNNOTICED)?;
    let predicate = Predicate::parse(&predicate).ok_or(Problem::BAD_REQUEST)?;
    let requests = database.requests().filter(|(id, _)| {
        let mut definitions = database.definitions(*id);
        let definition = definitions.find(|(name, _)| *name == media_type);
        let elements = definition.and_then(|(_, definition)| definition.elements.as_ref());
        elements.is_some_and(|elements| predicate.holds(elements))
    });
    let requests = requests.map(|(id, request)| xml::listed(id, request, []));
    Ok(Reply::xml(&xml::request_list(requests)))
}

fn hospital(
    database: &mut Database,
    call: &Call,
    resource: Resource<'_>,
    node: Option<u64>,
    now: Timestamp,
) -> Answered {
    // An administrator is no node, which the broker notices too late.
    let own = || node.ok_or(Problem::UNNOTICED);
    match (resource, call.method.as_str()) {
        (Resource::MyRequests, _) => {
            let node = own()?;
            let requests = database.requests().filter_map(|(id, request)| {
                let status = database.status(id, node);
                let is_hidden = status.is_some_and(|s| s.times.contains_key(&Status::Deleted));
                let is_open = request.published.is_some() && request.closed.is_none();
                let types = database.definitions(id).map(|(name, _)| name);
                (is_open && !is_hidden)
                    .then(|| xml::with_own_status(xml::listed(id, request, types), status))
            });
            Ok(Reply::xml(&xml::request_list(requests)))
        }
        (Resource::MyRequest(text), "OPTIONS") => found(described(database, id(text)?)),
        (Resource::MyRequest(text), "DELETE") => {
            let key = (id(text)?, own()?);
            found(database.hide(key, now))?;
            Ok(Reply::empty(204))
        }
        (Resource::MyRequest(text), _) => handed_out(database, call, id(text)?),
        (Resource::MyStatus(text, status), _) => {
            let id = id(text)?;
            let status = found(Status::parse(status))?;
            let key = (id, own()?);
            let time = match call.date.as_deref() {
                Some(date) => from_http_date(date).ok_or(Problem::BAD_REQUEST)?,
                None => now,
            };
            let media_type = media_type(call)?;
            if status == Status::Expired {
                // The broker's database has no such column.
                return Err(Problem::NOTICED);
            }
            database.note(key, status, time);
            if let Some(media_type) = media_type {
                database.attach(key, media_type, call.body.clone());
            }
            Ok(Reply::empty(204))
        }
        (Resource::MyResult(text), _) => {
            media_type(call)?.ok_or(Problem::BAD_REQUEST)?;
            let node = own()?;
            let id = number(text).ok_or(Problem::UNNOTICED)?;
            let delivery = Delivery {
                media_type: call.content_type.clone().unwrap_or_default(),
                content: Content::Whole(call.body.clone()),
                received: now,
            };
            database.deliver(id, node, delivery);
            Ok(Reply::empty(204))
        }
        _ => Err(Problem::NOT_FOUND),
    }
}
