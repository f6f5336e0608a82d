//! How much room there is: one question where the server offers to be asked, none where it does not.

use courier_ledger::{Phase, RemoteAfterFailure};

use super::scripted::{BOUNDS, Fault, Manner, pipeline, run};
use super::{only, server};
use crate::effects::sftp::protocol::operation::{Done, Operation, OperationError};

fn measured(manner: Manner, fault: Option<Fault>) -> Result<Done, OperationError> {
    let mut server = server(manner, true);
    if let Some(fault) = fault {
        server.faults.insert(0, fault);
    }
    let mut pipeline = pipeline(server.manner, BOUNDS);
    let operations = vec![(1, Operation::Measure)];
    only(run(&mut pipeline, &mut server, operations, 5))
}

#[test]
fn it_is_told_in_mebibytes_where_the_server_offers_to_be_asked() {
    assert_eq!(measured(Manner::default(), None), Ok(Done::Measured(None)));
    let offers = Manner {
        room: Some(40),
        ..Manner::default()
    };
    let Ok(Done::Measured(Some(room))) = measured(offers, None) else {
        panic!("it was offered");
    };
    assert!(room.is_too_little());
    assert_eq!(room.to_string(), "0 of 3 MiB");
    for (fault, lost) in [(Fault::Refuse(4), false), (Fault::Silence, true)] {
        let error = measured(offers, Some(fault)).unwrap_err();
        assert_eq!(error.connection_lost, lost, "{fault:?}");
        assert_eq!(error.remote, RemoteAfterFailure::Untouched);
        assert_eq!(error.failure.phase, Phase::Look);
    }
}
