//! `cargo demo`: the main job on embedded servers, told in plain words. Nothing is installed; what
//! it leaves behind is the folder `demo/`. Deliberately absent: building; the launcher has done it.

mod narrator;
mod stage;

use std::process::ExitCode;

use narrator::Narrator;
use stage::Stage;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let keep = std::env::args()
        .skip(1)
        .any(|argument| argument == "--keep");
    match play(&mut Narrator::new(), keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Narrator::new().fail(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn play(narrator: &mut Narrator, keep: bool) -> Outcome<()> {
    narrator.say("Starting a broker and an SFTP server on this machine …")?;
    let stage = Stage::set()?;
    first_delivery(narrator, &stage)?;
    changes(narrator, &stage)?;
    look_back(narrator, &stage)?;
    narrator.headline("What is left")?;
    narrator.say(&format!(
        "The folder `demo` holds the configuration ({}), the key, and the working directory with the \
         ledger. Without network or secrets you can still ask it:\n\n  {}",
        stage.shown_config(),
        stage.shown_command("status --ledger demo/work")
    ))?;
    if keep {
        narrator.say(&format!(
            "\nBroker {} and SFTP server 127.0.0.1:{} keep running. In another terminal, try\n\n  {}\n  {}\n\n\
             Press Enter here to stop them.",
            stage.broker_url(),
            stage.sftp_port(),
            stage.shown_command("-c demo/courier.toml plan"),
            stage.shown_command("-c demo/courier.toml run"),
        ))?;
        std::io::stdin().read_line(&mut String::new())?;
    } else {
        narrator
            .say("\n`cargo demo -- --keep` leaves the servers running, so that you can play on.")?;
    }
    Ok(())
}

fn first_delivery(narrator: &mut Narrator, stage: &Stage) -> Outcome<()> {
    narrator.headline("Two hospitals answer")?;
    let analyst = stage.analyst();
    let (one, two) = (stage.hospital_one(), stage.hospital_two());
    for tag in ["rki", "internal", "rki", "rki"] {
        let id = analyst.publish(tag)?;
        narrator.say(&format!(
            "An analyst publishes request {id} with the tag \"{tag}\"."
        ))?;
    }
    for id in 0..4 {
        one.deliver(
            id,
            "text/csv",
            &format!("hospital;cases\nOne;{}\n", 17 + id),
        )?;
    }
    two.report(0, "retrieved")?;
    narrator.say(
        "Hospital One delivers results for all four. Hospital Two has only fetched request 0 so far.",
    )?;

    narrator.headline("The courier looks, and runs")?;
    narrator.say("`plan` shows what would be done, and changes nothing:")?;
    narrator.quote(&stage.courier(&["plan"], 0)?)?;
    narrator.say("`run` does it. Only requests with the tag \"rki\" are delivered:")?;
    narrator.quote(&stage.courier(&["run", "-v"], 0)?)?;
    narrator.say("The drop-box now holds, encrypted and each put in place in one step:")?;
    narrator.quote(&stage.drop_box()?)
}

fn changes(narrator: &mut Narrator, stage: &Stage) -> Outcome<()> {
    narrator.headline("Things change")?;
    let (analyst, two) = (stage.analyst(), stage.hospital_two());
    two.deliver(0, "text/csv", "hospital;cases\nTwo;42\n")?;
    narrator.say("Hospital Two delivers its result for request 0.")?;
    stage
        .hospital_one()
        .deliver(2, "text/csv", "hospital;cases\nOne;20\n")?;
    narrator
        .say("Hospital One corrects its result for request 2: the completion stays the same.")?;
    analyst.delete(3)?;
    narrator.say("Request 3 is withdrawn.")?;
    narrator.say("\nThe courier runs again:")?;
    narrator.quote(&stage.courier(&["run", "-v"], 0)?)?;
    narrator.quote(&stage.drop_box()?)?;
    narrator.say("And once more, with nothing to do:")?;
    narrator.quote(&stage.courier(&["run", "-v"], 0)?)?;

    narrator.headline("The broker answers with nothing")?;
    stage.broker_shows_nothing();
    narrator.say(
        "Suppose the broker's database is lost, and it lists no requests at all. Nothing proves that \
         anything was withdrawn, so nothing is deleted; exit code 6 asks for a person:",
    )?;
    narrator.quote(&stage.courier(&["run", "-v"], 6)?)?;
    narrator.quote(&stage.drop_box()?)
}

fn look_back(narrator: &mut Narrator, stage: &Stage) -> Outcome<()> {
    narrator.headline("The ledger tells the story")?;
    narrator.say("What happened to request 0, event by event:")?;
    narrator.quote(&stage.courier(&["log", "--request", "0"], 0)?)?;
    let first_run = stage.end_of_first_run()?;
    narrator.say(&format!(
        "How things stood after event {first_run}, the end of the first run:"
    ))?;
    narrator.quote(&stage.courier(&["replay", "--at", &first_run], 0)?)?;
    narrator.say("Every byte of it can be checked:")?;
    narrator.quote(&stage.courier(&["verify"], 0)?)?;
    narrator.say("And whoever has the key reads what was delivered:")?;
    narrator.quote(&stage.decrypted("export_0.zip")?)
}
