//! Paths: what a request is about.
//!
//! What always holds here: a path names at most one resource, whatever the method; whether its ids
//! are numbers is a later question, as the broker asks for the key first.

use super::fault::Route;

/// What a path names. Ids are still text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'p> {
    BrokerStatus,
    Requests,
    Filtered,
    Request(&'p str),
    Publish(&'p str),
    Close(&'p str),
    Statuses(&'p str),
    Message(&'p str, &'p str),
    Export(&'p str),
    Download(&'p str),
    Nodes,
    Node(&'p str),
    Results(&'p str),
    Result(&'p str, &'p str),
    MyRequests,
    MyRequest(&'p str),
    MyStatus(&'p str, &'p str),
    MyResult(&'p str),
}

/// Whose key a resource wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Anyone,
    Admin,
    Node,
}

impl<'p> Resource<'p> {
    /// Reads a path.
    pub(crate) fn parse(path: &'p str) -> Option<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let parts: Vec<&str> = path.split('/').collect();
        Some(match parts[..] {
            ["broker", "status"] => Self::BrokerStatus,
            ["broker", "request"] => Self::Requests,
            ["broker", "request", "filtered"] => Self::Filtered,
            ["broker", "request", id] => Self::Request(id),
            ["broker", "request", id, "publish"] => Self::Publish(id),
            ["broker", "request", id, "close"] => Self::Close(id),
            ["broker", "request", id, "status"] => Self::Statuses(id),
            ["broker", "request", id, "status", node] => Self::Message(id, node),
            ["broker", "export", "request-bundle", id] => Self::Export(id),
            ["broker", "download", uuid] => Self::Download(uuid),
            ["broker", "node"] => Self::Nodes,
            ["broker", "node", id] => Self::Node(id),
            ["broker", "my", "request"] => Self::MyRequests,
            ["broker", "my", "request", id] => Self::MyRequest(id),
            ["broker", "my", "request", id, "status", status] => Self::MyStatus(id, status),
            ["aggregator", "my", "request", id, "result"] => Self::MyResult(id),
            ["aggregator", "request", id, "result"] => Self::Results(id),
            ["aggregator", "request", id, "result", node] => Self::Result(id, node),
            _ => return None,
        })
    }

    /// Whose key is wanted.
    pub(crate) fn access(self) -> Access {
        match self {
            Self::BrokerStatus | Self::Download(_) => Access::Anyone,
            Self::MyRequests | Self::MyRequest(_) | Self::MyStatus(..) | Self::MyResult(_) => {
                Access::Node
            }
            _ => Access::Admin,
        }
    }

    /// The methods that the resource knows, as the `Allow` header gives them.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::BrokerStatus
            | Self::Filtered
            | Self::Statuses(_)
            | Self::Message(..)
            | Self::Download(_)
            | Self::Nodes
            | Self::Node(_)
            | Self::Result(..)
            | Self::MyRequests => "GET,OPTIONS",
            Self::Requests => "POST,GET,OPTIONS",
            Self::Results(_) => "DELETE,GET,OPTIONS",
            Self::Request(_) => "DELETE,GET,OPTIONS,PUT",
            Self::MyRequest(_) => "DELETE,GET,OPTIONS",
            Self::Publish(_) | Self::Close(_) | Self::Export(_) | Self::MyStatus(..) => {
                "POST,OPTIONS"
            }
            Self::MyResult(_) => "OPTIONS,PUT",
        }
    }

    /// Whether the resource knows a method. `HEAD` is known wherever `GET` is.
    pub(crate) fn knows(self, method: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        self.allow().split(',').any(|known| known == method)
    }

    /// The media type of what a method answers, where it is the same for every answer.
    pub(crate) fn produces(self, method: &str) -> Option<&'static str> {
        match (self, method) {
            (Self::Export(_), "POST") => Some("text/plain"),
            (
                Self::BrokerStatus
                | Self::Requests
                | Self::Filtered
                | Self::Statuses(_)
                | Self::Nodes
                | Self::Node(_)
                | Self::Results(_)
                | Self::MyRequests,
                "GET" | "HEAD",
            ) => Some("application/xml"),
            _ => None,
        }
    }
}

/// The route that counts and faults go by.
pub(crate) fn route(method: &str, path: &str) -> Route {
    match (method, Resource::parse(path)) {
        ("GET", None) if path == "/broker/websocket" => Route::Websocket,
        ("GET" | "HEAD", Some(Resource::Filtered)) => Route::List,
        ("GET" | "HEAD", Some(Resource::Statuses(_))) => Route::Status,
        ("GET" | "HEAD", Some(Resource::Requests)) => Route::WholeList,
        ("GET" | "HEAD", Some(Resource::Request(_))) => Route::Definition,
        ("OPTIONS", Some(Resource::Request(_))) => Route::Existence,
        ("POST", Some(Resource::Export(_))) => Route::Export,
        ("GET" | "HEAD", Some(Resource::Download(_))) => Route::Download,
        ("GET" | "HEAD", Some(Resource::BrokerStatus)) => Route::BrokerStatus,
        ("GET" | "HEAD", Some(Resource::Nodes | Resource::Node(_))) => Route::Node,
        _ => Route::Other,
    }
}
