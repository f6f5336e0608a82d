//! Answers to what a server asks during a login (RFC 4256): the password, once, to the question for it.
//!
//! What always holds: nothing but the password is ever given, and no second time. Deliberately absent:
//! second factors, and new passwords, which only a person can choose.

use secrecy::{ExposeSecret as _, SecretString};
use ssh2::{KeyboardInteractivePrompt, Prompt};

use crate::effects::sftp::wire::status::printable;

/// Answers the question for the password; remembers what the server said.
pub(crate) struct PasswordAnswers<'a> {
    password: &'a SecretString,
    has_given: bool,
    instructions: Vec<String>,
    questions: Vec<String>,
}

impl<'a> PasswordAnswers<'a> {
    pub(crate) fn new(password: &'a SecretString) -> Self {
        Self {
            password,
            has_given: false,
            instructions: Vec::new(),
            questions: Vec::new(),
        }
    }

    /// Whether the server asked for a new password: the one that was given has expired.
    pub(crate) fn wants_another(&self) -> bool {
        self.questions.iter().any(|question| {
            let question = question.to_lowercase();
            names_password(&question)
                && ["new", "neu", "change", "retype"]
                    .iter()
                    .any(|word| question.contains(word))
        })
    }

    /// All that the server said, cleaned.
    pub(crate) fn said(&self) -> String {
        let said = self.instructions.iter().chain(&self.questions);
        said.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// What it said beside its questions, cleaned.
    pub(crate) fn said_beside(self) -> Vec<String> {
        self.instructions
    }

    fn answer(&mut self, question: &str, is_shown: bool) -> String {
        self.questions.push(printable(question.as_bytes()));
        // What is shown while it is typed is a name, unless it says otherwise.
        let asks = !is_shown || names_password(&question.to_lowercase());
        if !asks || self.has_given {
            return String::new();
        }
        self.has_given = true;
        self.password.expose_secret().to_owned()
    }
}

/// In English and in German.
fn names_password(question: &str) -> bool {
    ["passw", "kennwort"]
        .iter()
        .any(|word| question.contains(word))
}

impl KeyboardInteractivePrompt for PasswordAnswers<'_> {
    fn prompt(&mut self, _: &str, instructions: &str, prompts: &[Prompt<'_>]) -> Vec<String> {
        let instructions = printable(instructions.as_bytes());
        if !instructions.is_empty() {
            self.instructions.push(instructions);
        }
        prompts
            .iter()
            .map(|prompt| self.answer(&prompt.text, prompt.echo))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is answered to questions, each with whether its answer is shown.
    fn answers(questions: &[(&str, bool)]) -> (Vec<String>, bool) {
        let password = SecretString::from("secret");
        let mut answers = PasswordAnswers::new(&password);
        let given = questions
            .iter()
            .map(|(question, is_shown)| answers.answer(question, *is_shown))
            .collect();
        (given, answers.wants_another())
    }

    #[test]
    fn the_password_is_given_once_and_to_the_question_for_it() {
        for (questions, given) in [
            (&[("Password: ", false)][..], &["secret"][..]),
            (&[("Password: ", true)], &["secret"]),
            (&[("Kennwort: ", true)], &["secret"]),
            (
                &[("User name: ", true), ("Password: ", false)],
                &["", "secret"],
            ),
            (
                &[("Password: ", false), ("Token: ", false)],
                &["secret", ""],
            ),
            (&[("Token: ", true)], &[""]),
            (&[], &[]),
        ] {
            assert_eq!(
                answers(questions),
                (given.iter().map(|it| (*it).to_owned()).collect(), false),
                "{questions:?}"
            );
        }
    }

    #[test]
    fn an_expired_password_is_not_chosen_anew() {
        let (given, wants_another) = answers(&[
            ("(current) UNIX password: ", false),
            ("New password: ", false),
            ("Retype new password: ", false),
        ]);
        assert_eq!(given, ["secret", "", ""]);
        assert!(wants_another);
        assert!(answers(&[("Neues Passwort: ", false)]).1);
    }
}
