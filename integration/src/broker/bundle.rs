//! Bundles: the zip that an export makes of a request.
//!
//! What always holds here: `status.xml` comes first; entries of metadata carry the time of the
//! export, results the time at which they came; there is no archive comment.

use std::io::{self, Cursor, Write as _};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

use super::state::{Database, Request};
use super::xml;

/// Builds a request's bundle.
pub(crate) fn build(
    database: &Database,
    id: u64,
    request: &Request,
    now: Timestamp,
) -> io::Result<Bytes> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: String, time: Timestamp, body: &[u8]| -> io::Result<()> {
        let options = SimpleFileOptions::default().last_modified_time(dos_time(time));
        writer.start_file(name, options)?;
        writer.write_all(body)
    };
    let status = xml::status_list(database.statuses(id));
    add("status.xml".to_owned(), now, status.as_bytes())?;
    for (node, info) in database.nodes() {
        if database.statuses(id).any(|(other, _)| other == node) {
            add(
                format!("{node}_info"),
                now,
                xml::node(node, info).as_bytes(),
            )?;
        }
    }
    let description = xml::request(id, request);
    add("request.xml".to_owned(), now, description.as_bytes())?;
    add("definition.xml".to_owned(), now, &request.definition)?;
    for (node, delivery) in database.deliveries(id) {
        let name = format!("{node}_result.{}", extension(&delivery.media_type));
        add(name, delivery.received, &delivery.body)?;
    }
    writer.set_comment(format!("Bundle for request {id}"))?;
    Ok(writer.finish()?.into_inner().into())
}

/// The ending of a result's name.
fn extension(media_type: &str) -> &'static str {
    let (essence, _) = media_type.split_once(';').unwrap_or((media_type, ""));
    match essence.trim() {
        "text/plain" => "txt",
        "text/csv" => "csv",
        "application/zip" => "zip",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        _ => "bin",
    }
}

/// The time as zip knows it; its first one for what it cannot hold.
fn dos_time(time: Timestamp) -> DateTime {
    let t = TimeZone::UTC.to_datetime(time);
    let part = |value: i8| value.unsigned_abs();
    u16::try_from(t.year())
        .ok()
        .and_then(|year| {
            let (month, day) = (part(t.month()), part(t.day()));
            let (hour, minute, second) = (part(t.hour()), part(t.minute()), part(t.second()));
            DateTime::from_date_and_time(year, month, day, hour, minute, second).ok()
        })
        .unwrap_or_default()
}
