//! What waits for a person, in words, and the line that releases it, ready to be pasted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use courier_ledger::{
    Blocked, Command, Exchange, Exchanges, Fallen, Guard, Held, Limit, UnannouncedKey,
};

use super::again::{self, quoted};
use super::arguments::Arguments;
use super::{who, wrapped};
use crate::effects::environment;

/// How many digits of a digest are shown to be typed: enough that nobody hits another by chance.
const PREFIX_DIGITS: usize = 12;

/// Lists what guards hold back, by guard and with the limit where one is exceeded, and how to release it.
pub(crate) fn show(
    output: &mut dyn Write,
    held: &Held,
    limit: Option<&Limit>,
    arguments: &Arguments,
) -> io::Result<()> {
    if !held.waits() {
        return Ok(());
    }
    writeln!(output, "\nBlocked, because a person must decide:")?;
    let exchanges = Some(&held.exchanges).filter(|it| !it.is_empty());
    let partners = exchanges.map(ToString::to_string);
    let estranged = held.estranged.as_ref().map(ToString::to_string);
    for reason in partners.into_iter().chain(estranged) {
        wrapped::write(output, "  ", "  ", &reason)?;
    }
    let mut of_guard: BTreeMap<Guard, Vec<&Command>> = BTreeMap::new();
    for Blocked { command, guard } in &held.commands {
        of_guard.entry(*guard).or_default().push(command);
    }
    let mut limit = limit;
    for (guard, commands) in of_guard {
        let limit = match guard {
            Guard::TooManyDeletions | Guard::TooManyOverwrites => limit.take(),
            Guard::NoEvidence
            | Guard::EmptyListing
            | Guard::OtherPartner
            | Guard::OtherBroker
            | Guard::UnannouncedKey(_) => None,
        };
        let reason = limit.map_or_else(|| guard.to_string(), |it| format!("{guard}: {it}"));
        wrapped::write(
            output,
            "  ",
            "  ",
            &format!("{}, {reason}:", commands.len()),
        )?;
        for command in commands {
            wrapped::write(output, "    ", "      ", &command.to_string())?;
        }
    }
    let digest = held.digest().to_string();
    let prefix = digest.get(..PREFIX_DIGITS).unwrap_or(&digest);
    let approve = format!("{} approve {prefix}", again::called(arguments));
    let signature = signature();
    let answers = answers(&held.exchanges);
    if answers.is_empty() {
        writeln!(
            output,
            "\nIf all of this is right, release exactly this, once, with\n  \
             {approve}{signature} --why \"…\"\nand start the next run."
        )
    } else {
        writeln!(
            output,
            "\nIf the configuration is right, say what it means, once:"
        )?;
        for Answer { options, means } in &answers {
            writeln!(
                output,
                "  {approve}{options}{signature} --why \"…\"\n    {means}"
            )?;
        }
        writeln!(output, "and start the next run.")?;
        wrong_configuration(output, &held.exchanges)
    }
}

/// What to do where the configuration is not right.
fn wrong_configuration(output: &mut dyn Write, exchanges: &Exchanges) -> io::Result<()> {
    let mut keys: Vec<&str> = Vec::new();
    if exchanges.broker.is_some() {
        keys.extend(["BROKER.URL", "REQUESTS.TAG"]);
    }
    if exchanges.drop_box.is_some() {
        keys.extend(["SFTP.HOST", "SFTP.PORT", "SFTP.FOLDERNAME"]);
    }
    writeln!(
        output,
        "If it is not, put it right ({}): nothing has happened.",
        keys.join(", ")
    )
}

/// One thing that can be said of other partners.
struct Answer {
    options: String,
    means: String,
}

/// What can be said of these.
fn answers(exchanges: &Exchanges) -> Vec<Answer> {
    if exchanges.is_empty() {
        return Vec::new();
    }
    let answer = |options: &str, means: &str| Answer {
        options: options.to_owned(),
        means: means.to_owned(),
    };
    let brokers = match &exchanges.broker {
        None => vec![answer("", "")],
        Some(_) => vec![
            answer(
                " --broker same",
                "the same broker under a new address, or the tag has a new name",
            ),
            answer(
                " --broker withdraw",
                "another one: what the old one asked for is withdrawn, as listed",
            ),
            answer(
                " --broker keep",
                "another one: what the old one asked for stays at the drop-box",
            ),
        ],
    };
    let drop_boxes = match &exchanges.drop_box {
        None => vec![answer("", "")],
        Some(Exchange { known, .. }) => vec![
            answer(
                " --drop-box same",
                "the same drop-box under a new address: what was delivered is there",
            ),
            Answer {
                options: " --drop-box another".to_owned(),
                means: format!(
                    "another one: everything is delivered to it; what stays at {known} is listed by \
                     `broker-courier left-behind` until somebody says that it is gone"
                ),
            },
        ],
    };
    let pairs = brokers.iter().flat_map(|broker| {
        drop_boxes.iter().map(move |drop_box| Answer {
            options: format!("{}{}", broker.options, drop_box.options),
            means: match (broker.means.as_str(), drop_box.means.as_str()) {
                ("", means) | (means, "") => means.to_owned(),
                (broker, drop_box) => format!("{broker}; {drop_box}"),
            },
        })
    });
    pairs.collect()
}

/// Says which key waits for a person, and what can be done about it.
pub(crate) fn tell_key(key: &UnannouncedKey) {
    let UnannouncedKey {
        key: now,
        instead_of,
        ..
    } = key;
    let told = format!(
        "{key}. If {instead_of} is the right one, restore its file (SECURITY.PATH_ENCRYPTION_KEY). If \
         {now} is, see that the recipient has it, then approve what waits, or announce it: \
         `broker-courier rotate-key FILE --why \"…\"` with the file that holds it"
    );
    tracing::warn!("{}", again::pasteable(&told));
}

/// Says that an approval does not hold for what is blocked now, and what differs.
pub(crate) fn tell_fallen(fallen: &Fallen) {
    let mut differences: Vec<String> = Vec::new();
    differences.extend(fallen.added.iter().map(|it| format!("+ {it}")));
    differences.extend(fallen.gone.iter().map(|it| format!("- {it}")));
    tracing::warn!(
        "the approval of event {} by {} was for another plan, and releases nothing: {}",
        fallen.approval,
        fallen.who,
        differences.join(", ")
    );
}

fn signature() -> String {
    // Whoever pastes a service's line is not the service.
    let name = match environment::command() {
        Some(_) => None,
        None => who::login_name(),
    };
    match name {
        Some(name) => format!(" --who {}", quoted(&name)),
        None => " --who NAME".to_owned(),
    }
}
