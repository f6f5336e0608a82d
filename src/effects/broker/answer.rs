//! Whether an answer counts, before anything of it is read: status 200, the expected media type,
//! UTF-8, not packed; and the reading of its body up to a limit.
//!
//! Deliberately absent: the documents themselves.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    AGE, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use url::Url;

use super::call::Call;
use super::media::{ContentType, Media};
use super::problem::{Came, Problem};
use super::transport::{Limits, Stage, problem};

/// How far into a page its title is looked for.
const MAX_TITLE_OFFSET_BYTES: usize = 4 << 10;
const MAX_WORDS_CHARS: usize = 60;
/// What room is made for before it comes.
const MAX_EXPECTED_BYTES: u64 = 64 << 10;

/// Judges the head of an answer. `secret` is never repeated, whoever sends it back.
pub(crate) async fn check(
    call: Call,
    mut response: Response,
    secret: &str,
) -> Result<Response, Problem> {
    let status = response.status();
    if status.is_redirection() {
        let origin = location_origin(response.headers())
            .filter(|origin| call.may_be_quoted() && !holds(origin, secret));
        return Err(Problem::Redirect {
            status: status.as_u16(),
            origin,
        });
    }
    let content_type = content_type(response.headers());
    let media = call.media();
    let is_expected = content_type
        .as_ref()
        .is_some_and(|found| media.covers(&found.essence));
    if status == StatusCode::OK && is_expected {
        return check_encoding(media, content_type, response.headers()).map(|()| response);
    }
    let came = match call.may_be_quoted() {
        true => Some(came(&mut response, content_type, secret).await),
        false => None,
    };
    if status == StatusCode::OK {
        Err(Problem::Media {
            expected: media.accept(),
            came,
        })
    } else {
        Err(Problem::Status {
            status: status.as_u16(),
            came,
            retry_after: retry_after(response.headers(), Timestamp::now()),
        })
    }
}

/// RFC 9110, section 10.2.3: a number of seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// What the clock of whoever answered said (RFC 9110, section 6.6.1); none when a cache answered, whose
/// answer was made at some earlier time.
pub(crate) fn date(headers: &HeaderMap) -> Option<courier_ledger::Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let value = headers.get(DATE)?.to_str().ok()?.trim();
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(courier_ledger::Timestamp(date.as_microsecond()))
}

async fn came(response: &mut Response, content_type: Option<ContentType>, secret: &str) -> Came {
    let Some(found) = content_type else {
        return Came::default();
    };
    let mut came = Came {
        media: words(&found.essence, secret),
        title: None,
    };
    if found.is_html() {
        let mut start = Vec::new();
        // A page that breaks off may have shown its title before; what matters is known already.
        while start.len() < MAX_TITLE_OFFSET_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            start.extend_from_slice(&chunk);
        }
        start.truncate(MAX_TITLE_OFFSET_BYTES);
        came.title = title(&String::from_utf8_lossy(&start), secret);
    }
    came
}

fn check_encoding(
    media: Media,
    content_type: Option<ContentType>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    if media != Media::Zip && !content_type.is_some_and(|found| found.is_utf8()) {
        return Err(Problem::Charset);
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Problem::Packed)
        }
        _ => Ok(()),
    }
}

/// Reads the whole body, at most `max_bytes` of it.
pub(crate) async fn body(
    mut response: Response,
    max_bytes: u64,
    limits: Limits,
) -> Result<Vec<u8>, Problem> {
    let length = response.content_length();
    if length.is_some_and(|length| length > max_bytes) {
        return Err(Problem::TooLarge(max_bytes));
    }
    // No more at once than a status takes: what is announced need not come.
    let expected = length.unwrap_or(0).min(MAX_EXPECTED_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| problem(&error, Stage::Body, limits))?
    {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > max_bytes {
            return Err(Problem::TooLarge(max_bytes));
        }
    }
    Ok(bytes)
}

/// None when there is no such header, more than one, or one that is no text.
fn content_type(headers: &HeaderMap) -> Option<ContentType> {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    only.to_str().ok().map(ContentType::parse)
}

/// Scheme, host and port of a redirect's target, without its path.
fn location_origin(headers: &HeaderMap) -> Option<String> {
    let target = Url::parse(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    target
        .has_host()
        .then(|| target.origin().ascii_serialization())
}

/// The title of a page: letters, digits and simple punctuation.
fn title(page: &str, secret: &str) -> Option<String> {
    // ASCII lower case keeps every byte where it is.
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let length = lower[start..].find("</title>")?;
    words(&page[start..start + length], secret)
}

/// What may be repeated of words from outside; none when that is nothing, or holds the secret.
fn words(text: &str, secret: &str) -> Option<String> {
    let clean = |text: &str| {
        let kept = text.chars().map(|c| match c {
            '.' | ',' | ':' | ';' | '-' | '_' | '+' | '/' | '(' | ')' => c,
            _ if c.is_alphanumeric() => c,
            _ => ' ',
        });
        kept.collect::<String>()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let cleaned = clean(text);
    let holds_secret = holds(text, secret) || holds(&cleaned, &clean(secret));
    let shown: String = cleaned.chars().take(MAX_WORDS_CHARS).collect();
    (!shown.is_empty() && !holds_secret).then_some(shown)
}

/// Whether the secret is in there, in whatever case.
fn holds(text: &str, secret: &str) -> bool {
    text.to_lowercase().contains(&secret.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_cleaned_and_never_holds_the_key() {
        let page = "<HTML><Title>\n Error 401\u{1b}[31m <b>Unauthorized</title>";
        assert_eq!(
            title(page, "key").as_deref(),
            Some("Error 401 31m b Unauthorized")
        );
        assert_eq!(title("<title>your key is xyz</title>", "xyz"), None);
        assert_eq!(title("<title>cut", "key"), None);
        assert_eq!(title("<title></title>", "key"), None);
        let long = format!("<title>{}</title>", "ä".repeat(100));
        assert_eq!(
            title(&long, "key").map(|title| title.chars().count()),
            Some(60)
        );
    }
}
