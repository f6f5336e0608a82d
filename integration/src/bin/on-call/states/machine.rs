//! Disks, clocks, and what is slow, fails or hangs.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use testbed::broker::{Answer, Route};

use crate::call::Call;
use crate::{Outcome, State};

pub(crate) const ALL: &[State] = &[
    ("own disk full to its last byte", own_disk),
    ("own disk too full for one large result", large_result),
    ("drop-box's disk full", drop_box_disk),
    ("broker slow", slow_broker),
    ("broker failing: a proxy's error page", error_page),
    ("broker failing: one request", failing_request),
    ("clocks three years apart", clock),
    ("a run that hangs", hanging),
];

const THREE_YEARS_SECONDS: i64 = 3 * 365 * 24 * 60 * 60;

fn own_disk(call: &mut Call) -> Outcome<()> {
    let folder = call.place.working_dir();
    let disk = call.gets_disk(&folder, 16)?;
    disk.fill()?;
    call.answer();
    call.cron(7, &["No space left"])?;
    call.makes_room()?;
    call.well()
}

fn large_result(call: &mut Call) -> Outcome<()> {
    let folder = call.place.working_dir();
    call.gets_disk(&folder, 16)?;
    call.answer_at_length(20);
    call.cron(1, &["MiB"])?;
    call.enlarges_disk(64)?;
    call.well()
}

fn drop_box_disk(call: &mut Call) -> Outcome<()> {
    let folder = call.place.drop_box().to_owned();
    let disk = call.gets_disk(&folder, 2)?;
    disk.fill()?;
    call.answer();
    call.cron(1, &["the drop-box is full", "MiB"])?;
    call.makes_room()?;
    call.well()
}

fn slow_broker(call: &mut Call) -> Outcome<()> {
    call.answer();
    call.place
        .change_config("[REQUESTS]", "STATUS_TIMEOUT = 1\n[REQUESTS]")?;
    call.broker
        .set_route_latency(Route::Status, Duration::from_millis(1_200));
    call.cron(1, &["BROKER.STATUS_TIMEOUT"])?;
    call.place
        .change_config("STATUS_TIMEOUT = 1\n", "STATUS_TIMEOUT = 10\n")?;
    call.did("gave it more time by that key");
    call.well()
}

fn error_page(call: &mut Call) -> Outcome<()> {
    call.answer();
    call.broker.fail_next(Route::List, Answer::error(502), 100);
    call.cron(4, &["502"])?;
    call.broker.forget_faults();
    call.did("told the broker's operator");
    call.well()
}

fn failing_request(call: &mut Call) -> Outcome<()> {
    call.answer();
    call.broker
        .fail_next(Route::Export, Answer::error(500), 100);
    call.cron(1, &["500"])?;
    call.broker.forget_faults();
    call.did("told the broker's operator");
    call.well()
}

fn clock(call: &mut Call) -> Outcome<()> {
    call.answer();
    call.broker.set_clock_ahead(THREE_YEARS_SECONDS);
    call.cron(0, &["days apart"])?;
    call.broker.set_clock_ahead(0);
    call.did("set the wrong clock right");
    call.well()
}

fn hanging(call: &mut Call) -> Outcome<()> {
    call.answer();
    call.broker.fail_next(Route::Export, Answer::Silence, 1);
    let mut command = std::process::Command::new(call.program());
    command.arg("-c").arg(call.place.config()).arg("run");
    let mut hanging = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while call.broker.counters().in_flight == 0 || call.broker.counters().route(Route::Export) == 0
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    let log = fs::File::options()
        .append(true)
        .open(call.place.working_dir().join("ledger.log"))?;
    log.set_modified(SystemTime::now() - Duration::from_secs(5 * 60 * 60))?;
    call.cron(8, &["process", "5 h ago"])?;
    call.pastes("kill ")?;
    hanging.wait()?;
    call.broker.forget_faults();
    call.well()
}
