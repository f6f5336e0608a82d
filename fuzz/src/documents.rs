//! Documents that others write: the replaced program's ledger, the broker's answers, configuration
//! files, tokens.

use broker_courier::fuzzing;
use courier_ledger::{
    Digest, Entry, Event, LegacyStatus, LogId, Sequence, State, StatusDocument, Timestamp, Tip,
};

/// Reads the bytes as the replaced program's `status.xml`. What is taken over is projected again, and
/// that says the same.
pub fn legacy_status(data: &[u8]) {
    if StatusDocument::tip_of(data).is_some() {
        assert!(data.starts_with(b"<status log=\""));
    }
    let Ok(status) = LegacyStatus::parse(data) else {
        return;
    };
    let log = LogId([1; 16]);
    let version = "fuzz".to_owned();
    let events = [
        Event::LogCreated { log, version },
        Event::LegacyImported {
            sha256: status.sha256,
            entries: status.entries.clone(),
        },
    ];
    let mut state = State::default();
    for (sequence, event) in (1..).zip(events) {
        let entry = Entry {
            sequence: Sequence(sequence),
            time: Timestamp(0),
            event,
            salt: None,
            hash: Digest([0; 32]),
        };
        state = state.apply(&entry).expect("an import that parses is legal");
    }
    let tip = Tip {
        log,
        sequence: state.tip(),
        hash: Digest([0; 32]),
    };
    let document = StatusDocument::project(&state, tip);
    let again = LegacyStatus::parse(document.as_bytes()).expect("a projection can be imported");
    assert_eq!(again.entries, status.entries);
}

/// Reads the bytes as the broker's list of requests. No list is empty that names a request.
pub fn request_list(data: &[u8]) {
    if let Ok(list) = fuzzing::request_list(data) {
        let text = String::from_utf8_lossy(data);
        assert!(text.contains("request-list"));
        assert!(text.contains("http://aktin.org/ns/exchange"));
        assert!(list.is_sorted_by(|one, other| one.0 < other.0));
    }
}

/// Reads the bytes as one request's status, and as its definition.
pub fn request_status(data: &[u8]) {
    if fuzzing::request_status(data).is_ok() {
        let text = String::from_utf8_lossy(data);
        assert!(text.contains("request-status-list"));
        assert!(text.contains("http://aktin.org/ns/exchange"));
    }
    if fuzzing::definition(data, "rki").is_ok_and(|has| has) {
        assert!(String::from_utf8_lossy(data).contains("tag"));
    }
}

/// Reads the bytes as a configuration file. Whatever is wrong is told, and a file that is right as a
/// whole is right about its folder.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let place = fuzzing::working_dir(text);
    match fuzzing::configuration(text) {
        Ok(whole) => {
            assert!(place.is_ok());
            assert!(!format!("{whole:?}").is_empty());
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
    if let Err(problems) = place {
        assert!(!problems.to_string().is_empty());
    }
}

/// Reads the bytes as an age file; and makes one of them, which gives them back and, cut, nothing.
pub fn age(data: &[u8]) {
    if let Ok(message) = fuzzing::opened(data) {
        assert!(message.len() < data.len());
    }
    let mut file = fuzzing::sealed(data).expect("anything can be encrypted");
    let opened = fuzzing::opened(&file).expect("what was made here is opened here");
    assert!(opened == data);
    file.truncate(file.len() - 1 - data.len() % file.len().min(300));
    assert!(fuzzing::opened(&file).is_err());
}

/// Reads the bytes as a token; and seals them as one, so that what lies behind the HMAC is reached.
pub fn fernet(data: &[u8]) {
    let read = fuzzing::token(data);
    if let Ok(message) = &read {
        assert!(message.len() < data.len());
    }
    let sealed = fuzzing::seal(data).expect("anything can be signed");
    let read = fuzzing::token(&sealed);
    let could_be =
        data.first() == Some(&0x80) && data.len() > 25 && (data.len() - 25).is_multiple_of(16);
    match read {
        Ok(message) => assert!(could_be && message.len() < data.len() - 25),
        Err(error) => assert!(!error.to_string().contains("another key"), "{error}"),
    }
}
