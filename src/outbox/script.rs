//! How the built-in relay misbehaves, as data: at which step, which time, for whom, and what it does then.
//!
//! Its text form has one rule a line, the first that fits is played:
//!
//! ```text
//! # stage [which times] [to=part of a recipient] action
//! rcpt 1 reply 451 4.7.1 greylisted, come back
//! rcpt to=@nowhere.example reply 550 5.1.1 no such user
//! dot /100 accept-then-close
//! hello without PIPELINING SMTPUTF8
//! ```

use std::{
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::model::Stage;

/// The rules, in the order they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// One departure from good behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At which step.
    pub stage: Stage,
    /// Which of the times that the step is reached, over all connections.
    pub firing: Firing,
    /// A part of the recipient's address; empty for everybody. Only RCPT and what follows it know one.
    pub to: String,
    /// What happens.
    pub action: Action,
}

/// Which times a rule acts, counted from 1 for each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firing {
    /// Every time.
    Always,
    /// From the first of these to the last.
    Between(u64, u64),
    /// Each time the count is a multiple of this.
    Every(u64),
}

/// What the relay does at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Says this instead, lines parted by LF, and holds to it: 2 and 3 are a yes, all else a no. A 421 closes, as RFC 5321 section 3.8 wants. Inside the body it is said at once, and the connection closed.
    Reply(String),
    /// Answers as usual and says this besides, in the same write; a 421 closes. Inside the body it is said at once.
    Also(String),
    /// Answers as usual, then closes.
    HangUp,
    /// Closes without an answer.
    Close,
    /// Takes the message and closes without an answer; at the dot only, elsewhere it is `Close`.
    AcceptThenClose,
    /// Resets the connection.
    Reset,
    /// Says and reads nothing any more.
    Stall,
    /// Answers what is no SMTP.
    Garbage,
    /// Answers as usual, a byte at a time with this between them.
    Dribble(Duration),
    /// Answers as usual, after this.
    Wait(Duration),
    /// Does not offer these keywords; at EHLO only.
    Without(Vec<String>),
}

/// Says why a line is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the script: {why}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Script {
    /// Returns a script of one rule that acts every time.
    pub fn always(stage: Stage, action: Action) -> Self {
        Self { rules: vec![Rule { stage, firing: Firing::Always, to: String::new(), action }] }
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().map(str::trim).enumerate();
        let rules = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(index, line)| rule(line).map_err(|why| ScriptError { line: index + 1, why }));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }
}

fn rule(line: &str) -> Result<Rule, String> {
    let (word, mut rest) = next_word(line);
    let stage = stage(word).ok_or_else(|| format!("there is no step `{word}`"))?;
    let (mut firing, mut to) = (Firing::Always, String::new());
    loop {
        let (word, after) = next_word(rest);
        if let Some(part) = word.strip_prefix("to=") {
            part.clone_into(&mut to);
        } else if word.starts_with(|c: char| c.is_ascii_digit() || c == '/') {
            firing = self::firing(word).ok_or_else(|| format!("`{word}` counts nothing"))?;
        } else {
            let action = action(word, after)?;
            return Ok(Rule { stage, firing, to, action });
        }
        rest = after;
    }
}

fn next_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

fn stage(word: &str) -> Option<Stage> {
    Some(match word {
        "connect" => Stage::Connect,
        "greeting" => Stage::Greeting,
        "hello" => Stage::Hello,
        "tls" => Stage::Tls,
        "auth" => Stage::Auth,
        "mail" => Stage::Mail,
        "rcpt" => Stage::Rcpt,
        "data" => Stage::Data,
        "body" => Stage::Body,
        "dot" => Stage::Dot,
        _ => return None,
    })
}

fn firing(word: &str) -> Option<Firing> {
    let count = |digits: &str| digits.parse().ok().filter(|&count| count > 0);
    if let Some(every) = word.strip_prefix('/') {
        return count(every).map(Firing::Every);
    }
    match word.split_once('-') {
        Some((first, last)) => Some(Firing::Between(count(first)?, count(last)?)),
        None => count(word).map(|time| Firing::Between(time, time)),
    }
}

fn action(word: &str, argument: &str) -> Result<Action, String> {
    let text = || match argument {
        "" => Err(format!("`{word}` says nothing")),
        text => Ok(text.replace("\\n", "\n")),
    };
    let pause = || {
        let millis = argument.strip_suffix("ms").unwrap_or(argument).trim();
        let millis = millis.parse().map_err(|_| format!("`{word}` needs milliseconds"))?;
        Ok::<_, String>(Duration::from_millis(millis))
    };
    let action = match word {
        "reply" => return text().map(Action::Reply),
        "also" => return text().map(Action::Also),
        "dribble" => return pause().map(Action::Dribble),
        "wait" => return pause().map(Action::Wait),
        "without" => {
            let keywords = text()?.to_ascii_uppercase();
            return Ok(Action::Without(keywords.split_whitespace().map(str::to_owned).collect()));
        }
        "hang-up" => Action::HangUp,
        "close" => Action::Close,
        "accept-then-close" => Action::AcceptThenClose,
        "reset" => Action::Reset,
        "stall" => Action::Stall,
        "garbage" => Action::Garbage,
        _ => return Err(format!("there is no action `{word}`")),
    };
    if argument.is_empty() { Ok(action) } else { Err(format!("`{word}` takes no `{argument}`")) }
}

/// A script while it is played: each rule with the number of times its step was reached.
#[derive(Debug, Default)]
pub(super) struct Play {
    rules: Vec<(Rule, AtomicU64)>,
}

impl Play {
    /// Begins at the beginning.
    pub(super) fn new(script: Script) -> Self {
        Self { rules: script.rules.into_iter().map(|rule| (rule, AtomicU64::new(0))).collect() }
    }

    /// Tells what to do at `stage`, where `to` are the recipients it is about; `None` for the usual.
    pub(super) fn act(&self, stage: Stage, to: &[String]) -> Option<&Action> {
        let fits = |rule: &Rule| {
            rule.stage == stage && (rule.to.is_empty() || to.iter().any(|to| to.contains(&rule.to)))
        };
        let mut played = None;
        for (rule, met) in self.rules.iter().filter(|(rule, _)| fits(rule)) {
            let time = met.fetch_add(1, Ordering::Relaxed) + 1;
            let fires = match rule.firing {
                Firing::Always => true,
                Firing::Between(first, last) => (first..=last).contains(&time),
                Firing::Every(period) => time.is_multiple_of(period),
            };
            if fires && played.is_none() {
                played = Some(&rule.action);
            }
        }
        played
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let script: Script = "
            # greylisting
            rcpt 1-2 to=@a.example reply 451 4.7.1 wait\\n451 4.7.1 a while
            dot /100 accept-then-close
            hello without pipelining DSN
            mail 3 dribble 20ms"
            .parse()
            .expect("it is a script");
        let rule = |stage, firing, to: &str, action| Rule { stage, firing, to: to.into(), action };
        let expected = vec![
            rule(
                Stage::Rcpt,
                Firing::Between(1, 2),
                "@a.example",
                Action::Reply("451 4.7.1 wait\n451 4.7.1 a while".into()),
            ),
            rule(Stage::Dot, Firing::Every(100), "", Action::AcceptThenClose),
            rule(
                Stage::Hello,
                Firing::Always,
                "",
                Action::Without(vec!["PIPELINING".into(), "DSN".into()]),
            ),
            rule(
                Stage::Mail,
                Firing::Between(3, 3),
                "",
                Action::Dribble(Duration::from_millis(20)),
            ),
        ];
        assert_eq!(script.rules, expected);
    }

    #[test]
    fn a_line_that_is_no_rule_is_named() {
        for (text, expected) in [
            ("\nlunch close", "line 2 of the script: there is no step `lunch`"),
            ("dot", "line 1 of the script: there is no action ``"),
            ("dot explode", "line 1 of the script: there is no action `explode`"),
            ("dot 0 close", "line 1 of the script: `0` counts nothing"),
            ("dot close now", "line 1 of the script: `close` takes no `now`"),
            ("dot reply", "line 1 of the script: `reply` says nothing"),
            ("dot wait long", "line 1 of the script: `wait` needs milliseconds"),
        ] {
            let error = text.parse::<Script>().expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn rules_count_the_times_their_own_step_is_reached() {
        let script =
            "rcpt 2 close\nrcpt to=b@ reset\nrcpt /4 stall".parse().expect("it is a script");
        let play = Play::new(script);
        let acts: Vec<_> = ["a@x", "a@x", "b@x", "a@x", "a@x"]
            .map(|to| play.act(Stage::Rcpt, &[to.to_owned()]).cloned())
            .into();
        let expected =
            vec![None, Some(Action::Close), Some(Action::Reset), Some(Action::Stall), None];
        assert_eq!(acts, expected);
        assert_eq!(play.act(Stage::Mail, &[]), None);
    }
}
