//! Tables of decisions, as the documentation holds them: what becomes of request 0.
//!
//! `row CELL` remembers the history as it is; `column CELL: LINE; LINE` says how to go on from each
//! row; `table CELL` prints what a run would then do. `case CELL | CELL: LINE; LINE` goes on from the
//! history as it is; `cases CELL | CELL | CELL` prints one line for each.
//!
//! What always holds: the history goes on as if no table had been made.

use courier_ledger::{Command, Plan, Presence, RequestId, Skipped, State};

use crate::file::Stage as _;
use crate::history::History;
use crate::shown;
use crate::teller::Teller;
use crate::words::Unclear;

/// The request that every table is about.
const ABOUT: RequestId = RequestId(0);

/// What the next tables are made of.
#[derive(Default)]
pub(crate) struct Tables {
    rows: Vec<(String, History)>,
    columns: Vec<(String, String)>,
    cases: Vec<(String, String)>,
}

impl Teller {
    /// Takes a line that is about a table.
    pub(crate) fn table_line(&mut self, verb: &str, rest: &str) -> Result<Option<String>, Unclear> {
        let led = || {
            let (cell, lines) = rest.split_once(": ").unwrap_or((rest, ""));
            (cell.to_owned(), lines.to_owned())
        };
        match verb {
            "row" => self
                .tables
                .rows
                .push((rest.to_owned(), self.history().clone())),
            "column" => self.tables.columns.push(led()),
            "case" => self.tables.cases.push(led()),
            "table" => return self.table(rest).map(Some),
            "cases" => return self.cases(rest).map(Some),
            _ => return Ok(None),
        }
        Ok(Some(String::new()))
    }

    fn table(&mut self, corner: &str) -> Result<String, Unclear> {
        let Tables { rows, columns, .. } = std::mem::take(&mut self.tables);
        let names = columns.iter().map(|(name, _)| name.as_str());
        let mut text = head(std::iter::once(corner).chain(names));
        for (name, history) in &rows {
            let mut cells = vec![name.clone()];
            for (_, lines) in &columns {
                let mut history = after(history, lines)?;
                cells.push(of_request(&history.plan(), history.state()));
            }
            shown::line(&mut text, &format!("| {} |", cells.join(" | ")));
        }
        Ok(text)
    }

    fn cases(&mut self, names: &str) -> Result<String, Unclear> {
        let mut text = head(names.split(" | "));
        for (name, lines) in std::mem::take(&mut self.tables).cases {
            let mut history = after(self.history(), &lines)?;
            // A case may have begun its run itself, to look at the drop-box.
            let run = history.state().run();
            let plan = match run.is_some_and(|run| run.polled && run.finished.is_none()) {
                true => history.decide(),
                false => history.plan(),
            };
            let verdict = of_request(&plan, history.state());
            shown::line(&mut text, &format!("| {name} | {verdict} |"));
        }
        Ok(text)
    }
}

fn head<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let rule = "---|".repeat(names.len());
    format!("| {} |\n|{rule}\n", names.join(" | "))
}

/// The history after these lines.
fn after(history: &History, lines: &str) -> Result<History, Unclear> {
    let mut teller = Teller::of(history.clone());
    for line in lines.split("; ").filter(|line| !line.is_empty()) {
        let said = teller.tell(line)?;
        if said.contains("cannot follow") {
            return Err(Unclear::new(said));
        }
    }
    Ok(teller.history().clone())
}

/// What a plan says of the request, in words.
fn of_request(plan: &Plan, state: &State) -> String {
    let about = |command: &Command| match command {
        Command::Upload { reason, .. } => format!("upload: {reason}"),
        Command::Delete { .. } => "delete".to_owned(),
        Command::RemoveTemporary { .. } | Command::PublishLedger { .. } => command.to_string(),
    };
    let ours = |command: &&Command| command.request() == Some(ABOUT);
    if let Some(command) = plan.commands.iter().find(ours) {
        return about(command);
    }
    if let Some(blocked) = plan.blocked.iter().find(|it| ours(&&it.command)) {
        return format!("blocked: {}", blocked.guard);
    }
    let left_alone = |skipped: &Skipped| match skipped {
        Skipped::Unreadable(id, _)
        | Skipped::ReappearanceIgnored(id)
        | Skipped::Draft(id)
        | Skipped::NameKept(id)
        | Skipped::Drifted(id, _)
        | Skipped::DriftedAgain(id, _) => *id,
    };
    if plan
        .skipped
        .iter()
        .any(|skipped| left_alone(skipped) == ABOUT)
    {
        return "left alone, and said so".to_owned();
    }
    let named = |id| {
        let blocked = plan.blocked.iter().map(|blocked| &blocked.command);
        let mut commands = plan.commands.iter().chain(blocked);
        commands.any(|command| command.request() == Some(id))
            || plan.skipped.iter().any(|skipped| left_alone(skipped) == id)
    };
    let kept: Vec<_> = state
        .requests()
        .filter(|(id, request)| request.presence == Presence::Listed && !named(*id))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(kept.len() as u64, plan.unchanged, "{plan:?}");
    match kept.contains(&ABOUT) {
        true => "keep".to_owned(),
        false => "–".to_owned(),
    }
}
