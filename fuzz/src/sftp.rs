//! What an SFTP server sends.

use broker_courier::fuzzing;

/// Reads the bytes as a stream of packets. How the network cuts it changes nothing.
pub fn sftp_packets(data: &[u8]) {
    let whole = fuzzing::packets(data, data.len());
    assert_eq!(fuzzing::packets(data, 1), whole);
    assert_eq!(fuzzing::packets(data, 7), whole);
}

/// Takes the bytes for the answers to operations under way. Each operation ends once.
pub fn sftp_session(data: &[u8]) {
    for (cut, posix_rename) in [(None, true), (None, false), (Some(11), true)] {
        let (submitted, mut ended) = fuzzing::session(data, cut, posix_rename);
        ended.sort_unstable();
        assert!(ended.iter().copied().eq(0..submitted), "{ended:?}");
    }
}
