//! The terminal: results on stdout, messages on stderr, colours only where wanted, nothing under cron that is not an error.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
    io::{self, BufRead, IsTerminal, Write},
};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use clap::builder::styling::{AnsiColor, Effects, Style};
use serde::Serialize;

use super::{
    Failure,
    words::{plain, printable, steady, wrapped},
};
use crate::{
    cli::{Colour, Global},
    model::{DeliveryState, Problem, Severity},
};

/// The three streams, and how talkative to be.
pub struct Console {
    /// Whether results are JSON documents.
    pub json: bool,
    volume: Volume,
    colour_out: bool,
    colour_err: bool,
    out: RefCell<io::BufWriter<io::Stdout>>,
    closed: Cell<bool>,
    broken: RefCell<Option<io::Error>>,
}

/// How talkative to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Volume {
    /// Warnings and errors alone.
    Quiet,
    /// What a person wants to know.
    Usual,
    /// More.
    Verbose,
}

/// What a piece of a line is, which decides its colour.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tone {
    /// A title.
    Strong,
    /// Good news.
    Good,
    /// Look at this.
    Warn,
    /// Bad news.
    Bad,
    /// Of less weight.
    Quiet,
}

impl Tone {
    /// Returns the tone of a delivery's state.
    pub(super) fn of(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Accepted => Self::Good,
            DeliveryState::Rejected | DeliveryState::Expired => Self::Bad,
            DeliveryState::InDoubt | DeliveryState::Deferred => Self::Warn,
            _ => Self::Quiet,
        }
    }
}

impl Console {
    /// Makes the console that the global options ask for.
    pub fn new(global: &Global) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = |terminal: bool| match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain,
        };
        Self {
            json: global.json,
            volume: match (global.quiet, global.verbose) {
                (true, _) => Volume::Quiet,
                (_, true) => Volume::Verbose,
                _ => Volume::Usual,
            },
            colour_out: wanted(io::stdout().is_terminal()),
            colour_err: wanted(io::stderr().is_terminal()),
            out: RefCell::new(io::BufWriter::new(io::stdout())),
            closed: Cell::new(false),
            broken: RefCell::new(None),
        }
    }

    /// Tells whether a person watches: stderr is a terminal and nobody asked for silence.
    pub fn is_watched(&self) -> bool {
        io::stderr().is_terminal() && !self.is_quiet()
    }

    /// Tells whether more is to be told.
    pub fn is_verbose(&self) -> bool {
        self.volume == Volume::Verbose
    }

    fn is_quiet(&self) -> bool {
        self.volume == Volume::Quiet
    }

    /// Tells whether a person can answer.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Tells whether results go to a terminal, where lines can be drawn over.
    pub fn can_redraw(&self) -> bool {
        io::stdout().is_terminal() && !self.json
    }

    /// Prints a line of the result.
    pub fn say(&self, line: impl Display) {
        self.print(steady(&line.to_string()));
    }

    /// Prints lines of the result over the last `height` ones of a terminal.
    pub(super) fn draw_over(&self, height: usize, lines: &str) {
        let back = if height > 0 { format!("\x1b[{height}A\x1b[J") } else { String::new() };
        self.print(format_args!("{back}{}", steady(lines)));
    }

    /// Prints a finished text, such as a script, byte for byte.
    pub(super) fn whole(&self, text: &[u8]) {
        if !self.closed.get()
            && let Err(error) = self.out.borrow_mut().write_all(text)
        {
            self.lost(error);
        }
    }

    /// Prints a line as it is.
    fn print(&self, line: impl Display) {
        if !self.closed.get()
            && let Err(error) = writeln!(self.out.borrow_mut(), "{line}")
        {
            self.lost(error);
        }
    }

    /// Prints bytes of a result that is a file, such as CSV.
    pub(super) fn print_bytes(&self, bytes: &[u8]) {
        if !self.closed.get()
            && let Err(error) = self.out.borrow_mut().write_all(bytes)
        {
            self.lost(error);
        }
    }

    /// Prints a line of the result unless `--quiet` or `--json`.
    pub fn tell(&self, line: impl Display) {
        if !self.is_quiet() && !self.json {
            self.say(line);
        }
    }

    /// Prints the result as one JSON document.
    pub fn document(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.print(text),
            Err(error) => self.note(format_args!("failed to write JSON: {error}")),
        }
    }

    /// Prints a sentence of the result, broken into lines; unless `--quiet` or `--json`.
    pub fn tell_sentence(&self, sentence: &str) {
        self.tell(wrapped(sentence, 0, 0));
    }

    /// Prints a sentence on what to do next, below a result; unless `--quiet` or `--json`.
    pub fn advise(&self, sentence: &str) {
        self.tell(format_args!("  {}", wrapped(sentence, 2, 2)));
    }

    /// Prints a message for whoever watches; silent with `--quiet`.
    pub fn note(&self, line: impl Display) {
        if !self.is_quiet() {
            self.flush();
            let _ = writeln!(io::stderr(), "{}", steady(&line.to_string()));
        }
    }

    /// Prints a warning, even with `--quiet`.
    pub fn warn(&self, line: impl Display) {
        self.labelled(Tone::Warn, "warning", &line.to_string());
    }

    /// Tells whether whoever read our results has gone, so that a long listing may end.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Writes out what is waiting, and returns what made results unwritable. A closed pipe is no failure: `| head` took what it wanted.
    pub fn finish(&self) -> Option<io::Error> {
        self.flush();
        self.broken.borrow_mut().take()
    }

    /// Writes out what is waiting.
    pub fn flush(&self) {
        if !self.closed.get()
            && let Err(error) = self.out.borrow_mut().flush()
        {
            self.lost(error);
        }
    }

    fn lost(&self, error: io::Error) {
        self.closed.set(true);
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.broken.borrow_mut().get_or_insert(error);
        }
    }

    /// Asks a question on the terminal and returns the answer.
    pub fn ask(&self, question: &str) -> Option<String> {
        self.flush();
        let _ = write!(io::stderr(), "{question} ");
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim().to_owned())
    }

    /// Colours a piece of a result.
    pub(super) fn paint(&self, tone: Tone, text: impl Display) -> String {
        paint(self.colour_out, tone, &text)
    }

    fn paint_err(&self, tone: Tone, text: impl Display) -> String {
        paint(self.colour_err, tone, &text)
    }

    /// Prints mistakes with their source line, a caret and how to mend them.
    pub fn problems(&self, problems: &[Problem]) {
        self.flush();
        let renderer = if self.colour_err { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(80);
        for problem in problems.iter().take(PROBLEMS_SHOWN) {
            let _ = writeln!(io::stderr(), "{}\n", renderer.render(&[group(problem)]));
        }
        if let Some(more) = problems.len().checked_sub(PROBLEMS_SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(io::stderr(), "and {more} more; `check --json` lists them all\n");
        }
    }

    /// Prints why a command stopped.
    pub fn failure(&self, failure: &Failure) {
        self.problems(&failure.problems);
        self.labelled(Tone::Bad, "error", &failure.message);
        for hint in &failure.hints {
            self.labelled(Tone::Good, "hint", hint);
        }
    }

    /// Says what would stop a command, as a warning.
    pub(super) fn stopped_by(&self, failure: &Failure) {
        self.labelled(Tone::Warn, "warning", &format!("`send` would stop: {}", failure.message));
        for hint in &failure.hints {
            self.labelled(Tone::Good, "hint", hint);
        }
    }

    fn labelled(&self, tone: Tone, label: &str, sentence: &str) {
        self.flush();
        let indent = label.len() + 2;
        let sentence = wrapped(&printable(&plain(sentence)), indent, indent);
        // Nothing is left to tell where stderr is gone too.
        let _ = writeln!(io::stderr(), "{}: {sentence}", self.paint_err(tone, label));
    }

    /// Marks a title in a message.
    pub(super) fn strong_message(&self, text: &str) -> String {
        self.paint_err(Tone::Strong, text)
    }

    /// Tells whether messages may be coloured.
    pub(super) fn colours_messages(&self) -> bool {
        self.colour_err
    }
}

fn paint(colour: bool, tone: Tone, text: &dyn Display) -> String {
    if !colour {
        return text.to_string();
    }
    let style = match tone {
        Tone::Strong => Style::new().effects(Effects::BOLD),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warn => AnsiColor::Yellow.on_default().bold(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Quiet => Style::new().effects(Effects::DIMMED),
    };
    format!("{style}{text}{style:#}")
}

fn group(problem: &Problem) -> Group<'_> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let place = &problem.place;
    let file = printable(&place.file);
    let title = level.primary_title(printable(&plain(&problem.message))).id(problem.code);
    let is_shown = place.column > 0 && !place.source.is_empty();
    let mut group = if place.line > 0 && is_shown {
        let start = byte_of(&place.source, place.column - 1);
        let end = byte_of(&place.source, place.column - 1 + place.length).max(start);
        title.element(
            Snippet::source(place.source.as_str())
                .line_start(place.line)
                .path(file)
                .annotation(AnnotationKind::Primary.span(start..end)),
        )
    } else if place.line > 0 {
        let origin = Origin::path(file).line(place.line);
        title.element(if place.column > 0 { origin.char_column(place.column) } else { origin })
    } else {
        title.element(Origin::path(file))
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(wrapped(&printable(help), HELP, 0)));
    }
    group
}

/// How many problems are shown to a person; whoever has more mends these first.
const PROBLEMS_SHOWN: usize = 200;

/// How many columns stand before a help text: the margin of its problem and a label.
const HELP: usize = 12;

fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}
