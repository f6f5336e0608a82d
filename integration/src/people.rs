//! The people at a broker, over HTTP: the analyst who asks, and the hospitals that answer. They act
//! alike on the embedded broker and on AKTIN's own.

use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};

/// What people send and get back; any refusal is an error in words.
type Answer<T> = Result<T, String>;

/// Somebody with an API key.
struct Person {
    url: String,
    key: String,
    client: Client,
}

impl Person {
    fn new(url: &str, key: &str) -> Self {
        let client = Client::builder()
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build();
        Self {
            url: format!("{}/", url.trim_end_matches('/')),
            key: key.to_owned(),
            client: client.unwrap_or_default(),
        }
    }

    fn send(
        &self,
        what: &str,
        build: impl FnOnce(&Client, String) -> RequestBuilder,
        path: &str,
    ) -> Answer<reqwest::blocking::Response> {
        let request = build(&self.client, format!("{}{path}", self.url)).bearer_auth(&self.key);
        let answer = request.send().map_err(|error| format!("{what}: {error}"))?;
        let status = answer.status();
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{what}: {status}"))
        }
    }
}

/// Asks the questions: an administrator of the broker.
pub struct Analyst(Person);

impl Analyst {
    const MEDIA_TYPE: &str = "application/vnd.aktin.query.request+xml";

    /// Somebody with an administrator's key.
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        Self(Person::new(url, key))
    }

    /// Creates a request with a tag; gives its number.
    pub fn draft(&self, tag: &str) -> Answer<u64> {
        let build = |client: &Client, url: String| {
            client
                .post(url)
                .header("content-type", Self::MEDIA_TYPE)
                .body(definition(tag))
        };
        let answer = self.0.send("creating a request", build, "broker/request")?;
        let location = answer
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok());
        location
            .and_then(|it| it.rsplit('/').next()?.parse().ok())
            .ok_or_else(|| "the broker did not say where the new request is".to_owned())
    }

    /// Publishes a request.
    pub fn publish_draft(&self, id: u64) -> Answer<()> {
        let path = format!("broker/request/{id}/publish");
        self.0
            .send(
                "publishing a request",
                |client, url| client.post(url),
                &path,
            )
            .map(drop)
    }

    /// Creates and publishes a request.
    pub fn publish(&self, tag: &str) -> Answer<u64> {
        let id = self.draft(tag)?;
        self.publish_draft(id)?;
        Ok(id)
    }

    /// Replaces a request's definition by one with another tag.
    pub fn retag(&self, id: u64, tag: &str) -> Answer<()> {
        self.redefine(id, definition(tag))
    }

    /// Replaces a request's definition.
    pub fn redefine(&self, id: u64, definition: String) -> Answer<()> {
        let build = |client: &Client, url: String| {
            client
                .put(url)
                .header("content-type", Self::MEDIA_TYPE)
                .body(definition)
        };
        self.0
            .send("changing a request", build, &format!("broker/request/{id}"))
            .map(drop)
    }

    /// Looks how far the nodes are with a request.
    pub fn look_at(&self, id: u64) -> Answer<()> {
        let path = format!("broker/request/{id}/status");
        let answer = self
            .0
            .send("reading a status", |client, url| client.get(url), &path)?;
        answer.bytes().map(drop).map_err(|error| error.to_string())
    }

    /// Has the bundle of a request built, and fetches it.
    pub fn fetch_bundle(&self, id: u64) -> Answer<Vec<u8>> {
        let path = format!("broker/export/request-bundle/{id}");
        let build = |client: &Client, url: String| {
            client
                .post(url)
                .header("accept", "text/plain")
                .header("content-length", 0)
        };
        let link = self
            .0
            .send("exporting", build, &path)?
            .text()
            .map_err(|error| error.to_string())?;
        let path = format!("broker/download/{}", link.trim());
        // AKTIN's broker answers 500 when another export begins while it looks for the bundle
        // (`DownloadManager.cleanupExpired` iterates over a `Hashtable` that others add to).
        let fetch = || {
            self.0
                .send("downloading", |client, url| client.get(url), &path)
        };
        let bundle = fetch().or_else(|_| fetch()).or_else(|_| fetch())?;
        let bytes = bundle.bytes().map_err(|error| error.to_string())?;
        Ok(bytes.to_vec())
    }

    /// Closes a request.
    pub fn close(&self, id: u64) -> Answer<()> {
        let path = format!("broker/request/{id}/close");
        self.0
            .send("closing a request", |client, url| client.post(url), &path)
            .map(drop)
    }

    /// Deletes a request.
    pub fn delete(&self, id: u64) -> Answer<()> {
        let path = format!("broker/request/{id}");
        self.0
            .send(
                "deleting a request",
                |client, url| client.delete(url),
                &path,
            )
            .map(drop)
    }
}

/// Answers the questions.
pub struct Hospital(Person);

impl Hospital {
    /// Somebody with a node's key.
    #[must_use]
    pub fn new(url: &str, key: &str) -> Self {
        Self(Person::new(url, key))
    }

    /// Delivers a result, and says that the request is completed.
    pub fn deliver(&self, id: u64, media_type: &str, result: &str) -> Answer<()> {
        let build = |client: &Client, url: String| {
            client
                .put(url)
                .header("content-type", media_type.to_owned())
                .body(result.to_owned())
        };
        self.0.send(
            "delivering a result",
            build,
            &format!("aggregator/my/request/{id}/result"),
        )?;
        self.report(id, "completed")
    }

    /// Says how far a request has come: `retrieved`, `queued`, `completed` and so on.
    pub fn report(&self, id: u64, status: &str) -> Answer<()> {
        let path = format!("broker/my/request/{id}/status/{status}");
        self.0
            .send("reporting a status", |client, url| client.post(url), &path)
            .map(drop)
    }
}

/// A request's definition with one tag.
fn definition(tag: &str) -> String {
    let tag = tag.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<queryRequest xmlns=\"http://aktin.org/ns/exchange\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><id>1337</id>\
         <reference>2020-01-01T00:00:00.000Z</reference>\
         <scheduled>2020-01-01T12:00:00.000Z</scheduled><query><title>T</title>\
         <description>D</description><principal><name>N</name><organisation>O</organisation>\
         <email>E</email><phone/><tags><tag>{tag}</tag></tags></principal>\
         <schedule xsi:type=\"singleExecution\"><duration>-P6M</duration></schedule>\
         <sql xmlns=\"http://aktin.org/ns/i2b2/sql\"><source type=\"application/sql\">SELECT 1\
         </source></sql></query></queryRequest>"
    )
}
