//! The text form of a script, one rule a line:
//!
//! ```text
//! # step [which times] [to=part of a recipient] action
//! rcpt first 5m reply 451 4.7.1 greylisted, come back
//! rcpt to=@nowhere.example reply 550 5.1.1 no such user
//! dot 5% accept-then-close
//! mail over 10/s reply 421 4.7.0 too fast
//! hello without PIPELINING SMTPUTF8
//! ```
//!
//! Every mistake is told with its place.

use std::{ops::Range, str::FromStr, time::Duration};

use super::{Action, Firing, Rule, Script};
use crate::model::{Place, Problem, Rate, Stage, parse_duration};

/// The code of every mistake in a script.
pub const NOT_A_RULE: &str = "PR951";

/// The most that `over` may count, since it remembers each.
const OVER_MAX: u32 = 1_000_000;

const STEPS: [(&str, Stage); 10] = [
    ("connect", Stage::Connect),
    ("greeting", Stage::Greeting),
    ("hello", Stage::Hello),
    ("tls", Stage::Tls),
    ("auth", Stage::Auth),
    ("mail", Stage::Mail),
    ("rcpt", Stage::Rcpt),
    ("data", Stage::Data),
    ("body", Stage::Body),
    ("dot", Stage::Dot),
];

const ACTIONS: &str = "the actions are reply, also, wait, dribble, close, hang-up, reset, stall, garbage, accept-then-close and without";
const TIMES: &str = "times are `3`, `2-5`, `4-`, `/100` (each hundredth), `5%`, `first`, `first 5m` and `over 10/s`";

impl Script {
    /// Reads a script; `file` is its name for people.
    ///
    /// # Errors
    ///
    /// Every mistake it has, in order.
    pub fn read(text: &str, file: &str) -> Result<Self, Vec<Problem>> {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        let mut start = 0;
        for (line, whole) in (1..).zip(text.split_inclusive('\n')) {
            let written = whole.trim();
            if !written.is_empty() && !written.starts_with('#') {
                let mut words = Words { line: whole.trim_end(), at: 0 };
                match rule(&mut words) {
                    Ok(rule) => rules.push(Rule { line, ..rule }),
                    Err(Mistake { span, why, help }) => {
                        let place =
                            Place::of_span(file, text, start + span.start..start + span.end);
                        problems.push(Problem::error(NOT_A_RULE, place, why).help(help));
                    }
                }
            }
            start += whole.len();
        }
        if problems.is_empty() { Ok(Self { rules }) } else { Err(problems) }
    }
}

impl FromStr for Script {
    type Err = Vec<Problem>;

    fn from_str(text: &str) -> Result<Self, Vec<Problem>> {
        Self::read(text, "script")
    }
}

/// A mistake on a line: which bytes of it, what, and how to mend it.
struct Mistake {
    span: Range<usize>,
    why: String,
    help: String,
}

/// The words of a line, one after the other.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

/// A word, or what is left of a line, with its place.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    span: Range<usize>,
}

impl<'a> Words<'a> {
    /// Takes the next word; an empty one at the end of the line.
    fn next(&mut self) -> Word<'a> {
        let word = self.peek();
        self.at = word.span.end;
        word
    }

    fn peek(&self) -> Word<'a> {
        let rest = self.rest();
        let end = rest.text.find(char::is_whitespace).unwrap_or(rest.text.len());
        Word { text: &rest.text[..end], span: rest.span.start..rest.span.start + end }
    }

    /// Returns all that is left.
    fn rest(&self) -> Word<'a> {
        let text = self.line[self.at..].trim_start();
        Word { text, span: self.line.len() - text.len()..self.line.len() }
    }
}

impl Word<'_> {
    fn mistake(&self, why: impl Into<String>, help: impl Into<String>) -> Mistake {
        Mistake { span: self.span.clone(), why: why.into(), help: help.into() }
    }
}

fn rule(words: &mut Words<'_>) -> Result<Rule, Mistake> {
    let step = words.next();
    let stage = STEPS.iter().find(|(name, _)| *name == step.text).map(|(_, stage)| *stage);
    let stage = stage.ok_or_else(|| {
        let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        let why = format!("there is no step `{}`", step.text);
        step.mistake(why, format!("the steps are {}", names.join(", ")))
    })?;
    let (mut firing, mut to) = (None, None);
    loop {
        let word = words.next();
        let for_whom = word.text.strip_prefix("to=");
        let is_known = matches!(stage, Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot);
        if (for_whom.is_some() || word.text == "first") && !is_known {
            let why = format!("no recipient is known yet at `{}`", step.text);
            return Err(word.mistake(why, "from `rcpt` on there is one"));
        }
        if let Some(part) = for_whom {
            if part.is_empty() {
                let help = "write a part of an address behind it, such as `to=@example.org`";
                return Err(word.mistake("`to=` names nobody", help));
            }
            if to.replace(part.to_owned()).is_some() {
                return Err(word.mistake("there is a `to=` already", "write another rule"));
            }
        } else if let Some(times) = times(&word, words)? {
            if firing.replace(times).is_some() {
                return Err(word.mistake("it says already which times", "write another rule"));
            }
        } else {
            let action = action(stage, &word, &words.rest()).map_err(|mut mistake| {
                // What was meant may be a time just as well.
                if firing.is_none() && mistake.help == ACTIONS {
                    mistake.help = format!("{ACTIONS}; {TIMES}");
                }
                mistake
            })?;
            let (firing, to) = (firing.unwrap_or(Firing::Always), to.unwrap_or_default());
            return Ok(Rule { line: 0, stage, firing, to, action });
        }
    }
}

/// Reads which times a rule acts; `None` where `word` is about something else.
fn times(word: &Word<'_>, words: &mut Words<'_>) -> Result<Option<Firing>, Mistake> {
    if word.text == "first" {
        let span = parse_duration(words.peek().text).ok();
        if span.is_some() {
            words.next();
        }
        return Ok(Some(Firing::First(span.unwrap_or_default())));
    }
    if word.text == "over" {
        let rate = words.next();
        let found: Result<Rate, _> = rate.text.parse();
        return match found {
            Ok(found) if found.count <= OVER_MAX => Ok(Some(Firing::Over(found))),
            Ok(_) => Err(rate.mistake("that is more than can be counted", "1000000 is the most")),
            Err(error) => Err(rate.mistake(error.to_string(), TIMES)),
        };
    }
    if !word.text.starts_with(|first: char| first.is_ascii_digit() || first == '/') {
        return Ok(None);
    }
    let counted = counted(word.text);
    counted.map(Some).ok_or_else(|| word.mistake(format!("`{}` counts nothing", word.text), TIMES))
}

fn counted(word: &str) -> Option<Firing> {
    let count = |digits: &str| digits.parse().ok().filter(|&count| count > 0);
    if let Some(every) = word.strip_prefix('/') {
        return count(every).map(Firing::Every);
    }
    if let Some(share) = word.strip_suffix('%') {
        return millionths(share).map(Firing::Share);
    }
    match word.split_once('-') {
        Some((first, "")) => Some(Firing::Between(count(first)?, u64::MAX)),
        Some((first, last)) => Some(Firing::Between(count(first)?, count(last)?)),
        None => count(word).map(|time| Firing::Between(time, time)),
    }
    .filter(|firing| !matches!(firing, Firing::Between(first, last) if first > last))
}

/// Reads a share of a hundred with up to four decimals.
fn millionths(share: &str) -> Option<u32> {
    let (whole, decimals) = share.split_once('.').unwrap_or((share, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 {
        return None;
    }
    let share: u32 = format!("{whole}{decimals:0<4}").parse().ok()?;
    (1..=1_000_000).contains(&share).then_some(share)
}

fn action(stage: Stage, word: &Word<'_>, argument: &Word<'_>) -> Result<Action, Mistake> {
    let said = || match argument.text {
        "" => Err(word.mistake(
            format!("`{}` says nothing", word.text),
            format!("write what is to be said: `{} 451 4.7.1 come back later`", word.text),
        )),
        text => Ok(text.replace("\\n", "\n")),
    };
    let pause = || pause(word, argument);
    let action = match word.text {
        "reply" => return said().map(Action::Reply),
        "also" => return said().map(Action::Also),
        "dribble" => return pause().map(Action::Dribble),
        "wait" => return pause().map(Action::Wait),
        "without" if stage != Stage::Hello => {
            return Err(word.mistake("`without` means nothing here", "it can stand at `hello`"));
        }
        "without" => {
            let keywords = said()?.to_ascii_uppercase();
            return Ok(Action::Without(keywords.split_whitespace().map(str::to_owned).collect()));
        }
        "hang-up" => Action::HangUp,
        "close" => Action::Close,
        "accept-then-close" => Action::AcceptThenClose,
        "reset" => Action::Reset,
        "stall" => Action::Stall,
        "garbage" => Action::Garbage,
        "" => return Err(word.mistake("it does not say what happens", ACTIONS)),
        other => return Err(word.mistake(format!("there is no action `{other}`"), ACTIONS)),
    };
    if argument.text.is_empty() {
        return Ok(action);
    }
    let why = format!("`{}` takes no `{}`", word.text, argument.text);
    Err(argument.mistake(why, "a remark stands on a line of its own, behind `#`"))
}

/// Reads how long to wait: `20ms`, `2s`, `5m`, and a bare number as milliseconds.
fn pause(word: &Word<'_>, argument: &Word<'_>) -> Result<Duration, Mistake> {
    let millis = argument.text.strip_suffix("ms").unwrap_or(argument.text).trim_end();
    let millis = millis.parse().ok().map(Duration::from_millis);
    millis.or_else(|| parse_duration(argument.text).ok()).ok_or_else(|| {
        let why = format!("`{}` does not say how long", word.text);
        let place = if argument.text.is_empty() { word } else { argument };
        place.mistake(why, "write `20ms`, `2s` or `5m`")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let script: Script = "
            # greylisting
            rcpt 1-2 to=@a.example reply 451 4.7.1 wait\\n451 4.7.1 a while
            dot /100 accept-then-close
            hello without pipelining DSN
            mail 3 dribble 20ms
            rcpt first 5m reply 451 4.7.1 later
            data to=a@ 2.5% wait 2s
            mail over 10/s close
            greeting 4- wait 30"
            .parse()
            .expect("it is a script");
        let rule = |line, stage, firing, to: &str, action| Rule {
            line,
            stage,
            firing,
            to: to.into(),
            action,
        };
        let later = Action::Reply("451 4.7.1 later".into());
        let twice = Action::Reply("451 4.7.1 wait\n451 4.7.1 a while".into());
        let without = Action::Without(vec!["PIPELINING".into(), "DSN".into()]);
        let millis = Duration::from_millis;
        let ten = "10/s".parse().expect("a rate");
        let expected = vec![
            rule(3, Stage::Rcpt, Firing::Between(1, 2), "@a.example", twice),
            rule(4, Stage::Dot, Firing::Every(100), "", Action::AcceptThenClose),
            rule(5, Stage::Hello, Firing::Always, "", without),
            rule(6, Stage::Mail, Firing::Between(3, 3), "", Action::Dribble(millis(20))),
            rule(7, Stage::Rcpt, Firing::First(millis(300_000)), "", later),
            rule(8, Stage::Data, Firing::Share(25_000), "a@", Action::Wait(millis(2_000))),
            rule(9, Stage::Mail, Firing::Over(ten), "", Action::Close),
            rule(10, Stage::Greeting, Firing::Between(4, u64::MAX), "", Action::Wait(millis(30))),
        ];
        assert_eq!(script.rules, expected);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        for (text, place, why) in [
            ("\n lunch close", "2:2+5", "there is no step `lunch`"),
            ("dot", "1:4+1", "it does not say what happens"),
            ("dot explode", "1:5+7", "there is no action `explode`"),
            ("dot 0 close", "1:5+1", "`0` counts nothing"),
            ("dot 5-2 close", "1:5+3", "`5-2` counts nothing"),
            ("dot 101% close", "1:5+4", "`101%` counts nothing"),
            ("dot 1 2 close", "1:7+1", "it says already which times"),
            (
                "dot over fast close",
                "1:10+4",
                "`fast` is not a rate such as `5/s`, `100/minute` or `2000/day`",
            ),
            ("dot over 2000000/s close", "1:10+9", "that is more than can be counted"),
            ("dot to= close", "1:5+3", "`to=` names nobody"),
            ("dot to=a to=b close", "1:10+4", "there is a `to=` already"),
            ("mail to=a close", "1:6+4", "no recipient is known yet at `mail`"),
            ("mail first close", "1:6+5", "no recipient is known yet at `mail`"),
            ("dot close now", "1:11+3", "`close` takes no `now`"),
            ("dot reply", "1:5+5", "`reply` says nothing"),
            ("dot wait long", "1:10+4", "`wait` does not say how long"),
            ("dot wait", "1:5+4", "`wait` does not say how long"),
            ("dot without DSN", "1:5+7", "`without` means nothing here"),
        ] {
            let problems = text.parse::<Script>().expect_err(text);
            assert_eq!(problems.len(), 1, "{text}");
            let found = &problems[0].place;
            assert_eq!(
                format!("{}:{}+{}", found.line, found.column, found.length),
                place,
                "{text}"
            );
            assert_eq!(problems[0].message, why);
            assert!(problems[0].help.is_some(), "{text}");
        }
        assert_eq!("a\nb\ndot close".parse::<Script>().expect_err("two").len(), 2);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_judged(text in "((dot|rcpt|mail|x) ?(first|over|[0-9/%.-]{1,5}|to=a)? ?(wait|reply|close|é)? ?[0-9a-zé ]{0,6}\n?){0,4}|\\PC{0,30}") {
            let rules = text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count();
            match text.parse::<Script>() {
                Ok(script) => prop_assert_eq!(script.rules.len(), rules),
                Err(problems) => prop_assert!(!problems.is_empty() && problems.len() <= rules),
            }
        }
    }
}
