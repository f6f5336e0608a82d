//! Every call of the broker's interface, from what came to what is answered.
//!
//! What always holds here: no network and no clock. The order of the checks is the broker's: path,
//! key, ids, method, then the rest.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::clock::{from_http_date, http_date};
use super::key::Key;
use super::predicate::Predicate;
use super::reply::{Payload, Reply};
use super::resource::{Access, Resource};
use super::state::{Content, Database, Delivery, Export, Request, Status};
use super::synthetic::Archive;
use super::xml::Detail;
use super::{bundle, definition, query, xml};

/// The media type that a status has when its call names none.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of what came without one.
const UNKNOWN: &str = "application/octet-stream";

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

/// Answers a call.
pub(crate) fn answer(database: &mut Database, call: &Call, now: Timestamp) -> Reply {
    let Some(resource) = Resource::parse(&call.path) else {
        return call.page(404);
    };
    let key = call.authorization.as_deref().and_then(Key::from_header);
    let reply = match (resource.access(), key) {
        (Access::Anyone, _) => open(database, call, resource, now),
        (Access::Admin, Some(Key::Admin)) => admin(database, call, resource, now),
        (Access::Node, Some(Key::Node(name))) => {
            let node = database.contact(name, now);
            hospital(database, call, resource, node, now)
        }
        _ => Err(401),
    };
    match reply {
        Ok(reply) => reply,
        Err(405) => call.page(405).with("allow", resource.allow()),
        Err(status) => call.page(status),
    }
}

/// An answer, or the status of an error page.
type Answered = Result<Reply, u16>;

impl Call {
    fn page(&self, status: u16) -> Reply {
        Reply::error_page(status, &self.path)
    }

    fn media_type(&self) -> String {
        self.content_type.clone().unwrap_or_else(|| UNKNOWN.into())
    }
}

fn number(text: &str) -> Result<u64, u16> {
    // The broker's ids are Java's `int`.
    let id: i32 = text.parse().map_err(|_| 404_u16)?;
    u64::try_from(id).map_err(|_| 404)
}

fn found<T>(found: Option<T>) -> Result<T, u16> {
    found.ok_or(404)
}

fn open(database: &Database, call: &Call, resource: Resource<'_>, now: Timestamp) -> Answered {
    match (resource, call.method.as_str()) {
        (Resource::BrokerStatus, "GET" | "HEAD") => Ok(Reply::xml(xml::broker_status(now))),
        (Resource::Download(uuid), "GET" | "HEAD") => {
            let uuid = Uuid::parse_str(uuid).ok();
            let export = found(uuid.and_then(|uuid| database.export(uuid, now)))?;
            Ok(download(export))
        }
        _ => Err(405),
    }
}

fn download(export: &Export) -> Reply {
    let payload = match &export.content {
        Content::Bundle(bytes) => Payload::Whole(bytes.clone()),
        Content::Synthetic(archive) => Payload::Synthetic(Arc::clone(archive)),
    };
    let name = format!("inline; filename=\"export_{}.zip\"", export.request);
    let reply = Reply::empty(200)
        .with("content-type", "application/zip")
        .with("last-modified", http_date(export.created))
        .with("content-disposition", name);
    Reply { payload, ..reply }
}

fn admin(database: &mut Database, call: &Call, resource: Resource<'_>, now: Timestamp) -> Answered {
    match (resource, call.method.as_str()) {
        (Resource::Requests, "GET" | "HEAD") => {
            let list = xml::request_list(database.requests(), Detail::WithType);
            Ok(Reply::xml(list))
        }
        (Resource::Requests, "POST") => {
            let id = database.create(call.body.clone(), call.media_type());
            let location = format!("http://{}/broker/request/{id}", call.host);
            Ok(Reply::empty(201).with("location", location))
        }
        (Resource::Filtered, "GET" | "HEAD") => filtered(database, &call.query),
        (Resource::Request(id), method) => request(database, call, number(id)?, method),
        (Resource::Publish(id), "POST") => {
            found(database.publish(number(id)?, now))?;
            Ok(Reply::empty(204))
        }
        (Resource::Close(id), "POST") => {
            found(database.close(number(id)?, now))?;
            Ok(Reply::empty(204))
        }
        (Resource::Statuses(id), "GET" | "HEAD") => {
            let list = xml::status_list(database.statuses(number(id)?));
            Ok(Reply::xml(list))
        }
        (Resource::Export(id), "POST") => {
            if !accepts_text(call.accept.as_deref()) {
                return Ok(Reply::empty(406));
            }
            let uuid = export(database, number(id)?, now);
            Ok(uuid.map_or_else(
                || Reply::failed_text(&call.path),
                |uuid| Reply::new(200, "text/plain", uuid.to_string()),
            ))
        }
        (Resource::Nodes, "GET" | "HEAD") => Ok(Reply::xml(xml::node_list(database.nodes()))),
        (Resource::Node(id), "GET" | "HEAD") => {
            let id = number(id)?;
            let (_, node) = found(database.nodes().find(|(other, _)| *other == id))?;
            Ok(Reply::xml(xml::node(id, node)))
        }
        (Resource::Results(id), "GET" | "HEAD") => {
            let rows = database.deliveries(number(id)?);
            let rows = rows.map(|(node, delivery)| (node, delivery.media_type.as_str()));
            Ok(Reply::xml(xml::result_list(rows)))
        }
        (Resource::Result(id, node), "GET" | "HEAD") => {
            let (id, node) = (number(id)?, number(node)?);
            let (_, delivery) = found(database.deliveries(id).find(|(other, _)| *other == node))?;
            let reply = Reply::new(200, &delivery.media_type, delivery.body.clone());
            Ok(reply.with("last-modified", http_date(delivery.received)))
        }
        _ => Err(405),
    }
}

fn request(database: &mut Database, call: &Call, id: u64, method: &str) -> Answered {
    match method {
        "GET" | "HEAD" => Ok(handed_out(found(database.request(id))?)),
        "PUT" => {
            found(database.define(id, call.body.clone(), call.media_type()))?;
            Ok(Reply::empty(204))
        }
        "DELETE" => {
            database.delete(id);
            Ok(Reply::empty(204))
        }
        "OPTIONS" => {
            let reply = match database.request(id) {
                Some(request) => Reply::xml(xml::request(id, request)),
                None => Reply::empty(404),
            };
            Ok(reply.with("allow", Resource::Request("").allow()))
        }
        _ => Err(405),
    }
}

fn handed_out(request: &Request) -> Reply {
    let media_type = format!("{};charset=UTF-8", request.media_type);
    Reply::new(200, &media_type, request.definition.clone())
}

fn filtered(database: &Database, text: &str) -> Answered {
    let media_type = query::value(text, "type").ok_or(400_u16)?;
    let is_xml = media_type.ends_with("+xml") || media_type.ends_with("/xml");
    let predicate = query::value(text, "predicate").ok_or(400_u16)?;
    let predicate = Predicate::parse(&predicate)
        .filter(|_| is_xml)
        .ok_or(400_u16)?;
    let requests = database.requests().filter(|(_, request)| {
        request.media_type == media_type
            && definition::tags(&request.definition).is_some_and(|tags| predicate.holds(&tags))
    });
    Ok(Reply::xml(xml::request_list(requests, Detail::WithoutType)))
}

fn accepts_text(accept: Option<&str>) -> bool {
    accept.is_none_or(|accept| {
        accept.split(',').any(|range| {
            let range = range.split(';').next().unwrap_or_default().trim();
            matches!(range, "*/*" | "text/*" | "text/plain")
        })
    })
}

/// Makes an export of a request; none when it cannot be made.
fn export(database: &mut Database, id: u64, now: Timestamp) -> Option<Uuid> {
    let request = database.request(id)?;
    let content = match database.synthetic(id) {
        Some(size_bytes) => {
            let status = xml::status_list(database.statuses(id));
            Content::Synthetic(Arc::new(Archive::new(&status, size_bytes)))
        }
        None => Content::Bundle(bundle::build(database, id, request, now).ok()?),
    };
    let uuid = Uuid::new_v4();
    let export = Export {
        request: id,
        created: now,
        content,
    };
    database.keep(uuid, export);
    Some(uuid)
}

fn hospital(
    database: &mut Database,
    call: &Call,
    resource: Resource<'_>,
    node: u64,
    now: Timestamp,
) -> Answered {
    match (resource, call.method.as_str()) {
        (Resource::MyRequests, "GET" | "HEAD") => {
            let requests = database.requests();
            let requests = requests.filter(|(_, r)| r.published.is_some() && r.closed.is_none());
            Ok(Reply::xml(xml::request_list(requests, Detail::WithType)))
        }
        (Resource::MyRequest(id), "GET" | "HEAD") => {
            Ok(handed_out(found(database.request(number(id)?))?))
        }
        (Resource::MyStatus(id, status), "POST") => {
            let id = number(id)?;
            let status = found(Status::parse(status))?;
            found(database.request(id))?;
            let time = call.date.as_deref().and_then(from_http_date).unwrap_or(now);
            let media_type = call.content_type.clone().unwrap_or_else(|| FORM.into());
            database.note((id, node), status, Some(media_type), time);
            Ok(Reply::empty(204))
        }
        (Resource::MyResult(id), "PUT") => {
            let id = number(id)?;
            found(database.request(id))?;
            let delivery = Delivery {
                media_type: call.media_type(),
                body: call.body.clone(),
                received: now,
            };
            database.deliver(id, node, delivery);
            Ok(Reply::empty(204))
        }
        _ => Err(405),
    }
}
