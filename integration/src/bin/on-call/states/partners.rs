//! Whom the courier deals with: other folders, tags and brokers, two couriers, recipients who take files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};

use testbed::place::Place;

use crate::call::Call;
use crate::{Outcome, State};

pub(crate) const ALL: &[State] = &[
    ("drop-box's folder moved, and is another one", moved_folder),
    (
        "drop-box's folder has a new name, with all that is in it",
        renamed_folder,
    ),
    ("another tag", other_tag),
    ("two couriers in one folder", two_couriers),
    ("somebody else's file under a needed name", foreign_file),
    ("recipient takes files", taken),
];

/// A folder beside the drop-box, with its owner.
fn new_folder(call: &Call, name: &str) -> Outcome<()> {
    let (old, new) = (
        call.server.drop_box(),
        call.server.drop_box().with_file_name(name),
    );
    fs::create_dir(&new)?;
    let owner = fs::metadata(old)?;
    Ok(chown(&new, Some(owner.uid()), Some(owner.gid()))?)
}

fn configured(call: &Call, name: &str) -> Outcome<()> {
    let is = |name: &str| format!("FOLDERNAME = \"{name}\"");
    Ok(call
        .place
        .change_config(&is(&call.server.folder_name()), &is(name))?)
}

fn moved_folder(call: &mut Call) -> Outcome<()> {
    new_folder(call, "elsewhere")?;
    configured(call, "elsewhere")?;
    call.cron(6, &["--drop-box another"])?;
    call.did("knew that the recipient has a new folder");
    call.pastes("--drop-box another")?;
    call.well()
}

fn renamed_folder(call: &mut Call) -> Outcome<()> {
    let (old, new) = (
        call.server.drop_box(),
        call.server.drop_box().with_file_name("elsewhere"),
    );
    fs::rename(old, new)?;
    configured(call, "elsewhere")?;
    call.answer();
    call.cron(6, &["--drop-box same"])?;
    call.did("knew that the folder has a new name");
    call.pastes("--drop-box same")?;
    call.well()
}

fn other_tag(call: &mut Call) -> Outcome<()> {
    call.place.change_config("TAG = \"rki\"", "TAG = \"kri\"")?;
    call.cron(6, &["REQUESTS.TAG"])?;
    call.place.change_config("TAG = \"kri\"", "TAG = \"rki\"")?;
    call.did("corrected the tag that the message names");
    call.well()
}

fn two_couriers(call: &mut Call) -> Outcome<()> {
    let second = Place::new(&call.broker.url(), call.server.as_ref())?;
    let first = std::mem::replace(&mut call.place, second);
    call.cron(6, &["SFTP.FOLDERNAME"])?;
    new_folder(call, "second")?;
    configured(call, "second")?;
    call.did("gave the second one a folder of its own by that key");
    call.well()?;
    call.place = first;
    call.well()
}

fn foreign_file(call: &mut Call) -> Outcome<()> {
    let id = call.answer();
    let theirs = call.place.drop_box().join(format!("export_{id}.zip"));
    fs::write(&theirs, "somebody else's")?;
    call.cron(1, &["did not create", "move it away"])?;
    fs::rename(&theirs, call.place.drop_box().with_file_name("moved-away"))?;
    call.did("had it moved away");
    call.well()
}

fn taken(call: &mut Call) -> Outcome<()> {
    call.place
        .change_config("[MISC]", "[REMOTE]\nCHECK = \"report\"\n[MISC]")?;
    call.well()?;
    for id in call.first() {
        fs::remove_file(call.place.drop_box().join(format!("export_{id}.zip")))?;
    }
    call.wants_only(None);
    call.cron(0, &["REMOTE.CHECK", "pickup"])?;
    call.place
        .change_config("CHECK = \"report\"", "CHECK = \"pickup\"")?;
    call.did("asked the recipient, who takes them, and said so by that key");
    call.well()
}
