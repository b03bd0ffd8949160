//! `relay`: the built-in relay as a server of its own, for people's trials. It keeps what it takes and passes nothing on.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::json;

use super::{
    Console, Failure,
    ears::Ears,
    exit,
    pace::Pace,
    words::{self, counted, grouped, spoken},
};
use crate::{
    cli::Relay,
    config,
    model::{Address, Secret, SecretSource, Stage},
    outbox::{Keep, News, Outbox, OutboxSettings, Script, Tls},
    send::Stop,
};

/// How much news may wait to be told before the relay waits too.
const NEWS_MAX: usize = 1_024;

/// How often the live count is drawn anew, and a signal looked for.
const LOOK: Duration = Duration::from_millis(100);

/// How long messages in flight may take when it is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// The longest script and the longest PEM file, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Runs the command.
pub(super) fn run(console: &Console, wish: &Relay) -> Result<u8, Failure> {
    let ears = Ears::open();
    let (tell, news) = mpsc::sync_channel(NEWS_MAX);
    let is_told = console.json || console.is_verbose();
    let settings = OutboxSettings { news: is_told.then_some(tell), ..settings(wish)? };
    let started = Instant::now();
    let mut outbox = open(wish, settings)?;
    announce(console, wish, outbox.address());

    let mut live = Live::new(console);
    while *ears.stopped.borrow() == Stop::No && !console.is_closed() {
        tell_next(console, &news);
        live.draw(&outbox);
    }
    live.clear();
    // It may wait for its news to be told, so that goes on until it has ended.
    let closing = thread::scope(|scope| {
        let closing = scope.spawn(|| outbox.close(GRACE));
        while !closing.is_finished() {
            tell_next(console, &news);
        }
        closing.join()
    });
    if closing.is_err() {
        return Err(Failure::new(exit::BUG, "the relay ended in the middle of a message"));
    }
    for one in news.try_iter() {
        tell_one(console, &one);
    }
    sum_up(console, &outbox, started.elapsed());
    Ok(exit::DONE)
}

fn settings(wish: &Relay) -> Result<OutboxSettings, Failure> {
    let keep = if wish.count { Keep::Count } else { Keep::Maildir(maildir(&wish.folder)?) };
    Ok(OutboxSettings {
        listen: listen(wish)?,
        exposed: wish.exposed,
        connections: connections()?,
        record: false,
        script: wish.script.as_deref().map(script).transpose()?.unwrap_or_default(),
        tls: wish.tls.as_deref().map(|file| tls(file, wish.implicit)).transpose()?,
        login: login(wish)?,
        ..OutboxSettings::new(keep)
    })
}

/// Refuses a folder that holds other things than mail.
fn maildir(folder: &Path) -> Result<std::path::PathBuf, Failure> {
    let is_other = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
        && !folder.join("new").is_dir();
    if is_other {
        let why = format!("`{}` holds other files", words::path(folder));
        return Err(
            Failure::new(exit::GUARD, why).hint("name a Maildir, or a folder that is new or empty")
        );
    }
    Ok(folder.to_owned())
}

fn listen(wish: &Relay) -> Result<SocketAddr, Failure> {
    let text = wish.listen.replacen("localhost:", "127.0.0.1:", 1);
    let address: SocketAddr = text.parse().map_err(|_| {
        Failure::new(
            exit::USAGE,
            format!("`--listen {}` is not an address with a port", wish.listen),
        )
        .hint("write it as 127.0.0.1:2525 or [::1]:2525; port 0 takes a free one")
    })?;
    if address.ip().is_loopback() || wish.exposed {
        return Ok(address);
    }
    Err(Failure::new(exit::USAGE, format!("`--listen {}` is not this machine alone", wish.listen))
        .hint("--exposed lets other machines come; it keeps what they send, and fills your disk if they like"))
}

/// Returns how many connections the system has files for: each needs its own and up to two of mail.
fn connections() -> Result<usize, Failure> {
    const OTHERS: usize = 32;
    let usual = OutboxSettings::new(Keep::Count).connections;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = files.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    match files.map_or(usual, |files| files.saturating_sub(OTHERS) / 3) {
        0 => Err(Failure::new(exit::AGAIN, "the system lets this program open too few files")
            .hint("`ulimit -n 1024` lets it open more")),
        most => Ok(most.min(usual)),
    }
}

fn script(file: &Path) -> Result<Script, Failure> {
    let text = String::from_utf8(read(file)?).map_err(|_| {
        Failure::new(exit::BAD_DATA, format!("`{}` is not text", words::path(file)))
    })?;
    let name = words::path(file);
    Script::read(&text, &name).map_err(|problems| {
        let count = counted(problems.len() as u64, "mistake");
        Failure::problems(exit::BAD_DATA, format!("{name} has {count}"), problems)
    })
}

fn tls(file: &Path, implicit: bool) -> Result<Tls, Failure> {
    Tls::from_pem(&read(file)?, implicit).map_err(|error| {
        Failure::new(exit::CONFIG, format!("`{}` cannot be used: {error}", words::path(file)))
            .hint("it needs a certificate and its key, one below the other, as PEM")
    })
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let failed = |error: std::io::Error| Failure::file(file, "read", &error);
    let mut bytes = Vec::new();
    let open = fs::File::open(file).map_err(failed)?;
    open.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn login(wish: &Relay) -> Result<Option<(String, Secret)>, Failure> {
    let Some(user) = &wish.user else { return Ok(None) };
    let source =
        wish.password_file.as_ref().map(|file| SecretSource::File(file.display().to_string()));
    let variable = std::env::var("POSTRIDER_RELAY_PASSWORD").ok();
    // A file that is named outdoes the variable, which may be meant for another relay.
    let variable = variable.filter(|_| source.is_none());
    let password = config::secret(source.as_ref(), Path::new(""), variable)
        .map_err(|error| Failure::new(exit::CONFIG, error.to_string()))?;
    let password = password.ok_or_else(|| {
        Failure::new(exit::USAGE, format!("there is no password for the user `{user}`"))
            .hint("set POSTRIDER_RELAY_PASSWORD, or name a file with --password-file")
    })?;
    Ok(Some((user.clone(), password)))
}

fn open(wish: &Relay, settings: OutboxSettings) -> Result<Outbox, Failure> {
    let address = settings.listen;
    Outbox::start(settings).map_err(|error| {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        let is_of_the_network = matches!(error.kind(), AddrInUse | AddrNotAvailable)
            || (error.kind() == PermissionDenied && (1..1024).contains(&address.port()));
        if is_of_the_network || wish.count {
            Failure::new(exit::UNREACHABLE, format!("failed to listen on {address}: {error}"))
                .hint("name another port with `--listen 127.0.0.1:PORT`; port 0 takes a free one")
        } else {
            Failure::file(&wish.folder, "open", &error)
        }
    })
}

/// Says what to write under [relay] in publication.toml, and where the mail goes.
fn announce(console: &Console, wish: &Relay, address: SocketAddr) {
    let url = url(wish, address);
    if console.json {
        console.document(&json!({
            "event": "listening",
            "url": url,
            "folder": (!wish.count).then(|| wish.folder.display().to_string()),
        }));
    } else {
        console.say(&url);
    }
    console.flush();
    let kept = if wish.count {
        "counts mail and keeps none".to_owned()
    } else {
        format!("keeps mail in {}", words::path(&wish.folder.join("new")))
    };
    console.note(format_args!("{kept}, passes nothing on; Ctrl-C ends it"));
}

fn url(wish: &Relay, address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "HOST".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let user = wish.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let (scheme, end) = match (&wish.tls, wish.implicit) {
        (None, _) => ("smtp", "?tls=none"),
        (Some(_), false) => ("smtp", ""),
        (Some(_), true) => ("smtps", ""),
    };
    format!("{scheme}://{user}{host}:{}{end}", address.port())
}

/// Tells what comes next, or waits a moment where nothing does.
fn tell_next(console: &Console, news: &Receiver<News>) {
    match news.recv_timeout(LOOK) {
        Ok(one) => {
            tell_one(console, &one);
            // What came with it is told in one go.
            news.try_iter().take(NEWS_MAX).for_each(|one| tell_one(console, &one));
            console.flush();
        }
        Err(RecvTimeoutError::Timeout) => {}
        // Nobody asked for news, so nobody sends any.
        Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
    }
}

fn tell_one(console: &Console, one: &News) {
    if console.json {
        console.document(&document(one));
        return;
    }
    console.tell(match one {
        News::Kept { to, bytes, message_id, .. } => {
            format!(
                "kept     {}  {} bytes  {}",
                masked(to),
                grouped(*bytes as u64),
                words::printable(message_id)
            )
        }
        News::Refused { to, reply, .. } => format!("refused  {}  {reply}", masked(to)),
        News::Played { line, stage, to } => {
            format!("line {line} at {}  {}", word(*stage), masked(to)).trim_end().to_owned()
        }
    });
}

fn document(one: &News) -> serde_json::Value {
    let at = Timestamp::now();
    match one {
        News::Kept { from, to, bytes, message_id, files } => json!({
            "event": "kept", "at": at, "from": from, "to": to, "bytes": bytes,
            "message_id": message_id, "files": files,
        }),
        News::Refused { from, to, reply } => json!({
            "event": "refused", "at": at, "from": from, "to": to, "reply": reply,
        }),
        News::Played { line, stage, to } => json!({
            "event": "played", "at": at, "line": line, "step": word(*stage), "to": to,
        }),
    }
}

/// Returns the word for a step that scripts use.
fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Connect => "connect",
        Stage::Greeting => "greeting",
        Stage::Hello => "hello",
        Stage::Tls => "tls",
        Stage::Auth => "auth",
        Stage::Mail => "mail",
        Stage::Rcpt => "rcpt",
        Stage::Data => "data",
        Stage::Body => "body",
        Stage::Dot => "dot",
    }
}

fn masked(to: &[String]) -> String {
    let masked = to.iter().map(|to| match to.parse::<Address>() {
        Ok(address) => address.masked(),
        Err(_) => "?".to_owned(),
    });
    masked.collect::<Vec<_>>().join(", ")
}

/// The count that a person at the terminal sees grow.
struct Live {
    bar: ProgressBar,
    pace: Pace,
}

impl Live {
    fn new(console: &Console) -> Self {
        if !console.is_watched() || console.json || console.is_verbose() {
            return Self { bar: ProgressBar::hidden(), pace: Pace::default() };
        }
        let plain = ProgressStyle::with_template("  {msg}");
        let bar = ProgressBar::new_spinner();
        let bar = plain.map(|plain| bar.clone().with_style(plain)).unwrap_or(bar);
        Self { bar, pace: Pace::default() }
    }

    fn draw(&mut self, outbox: &Outbox) {
        if !self.bar.is_hidden() {
            let mails = outbox.accepted();
            let mut words = vec![
                counted(mails, "mail"),
                format!("{:.1}/s", self.pace.note(mails)),
                format!("{} open", counted(outbox.open() as u64, "connection")),
            ];
            words.extend(troubles(outbox));
            self.bar.set_message(words.join("  "));
            self.bar.tick();
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Says what did not go as usual.
fn troubles(outbox: &Outbox) -> Vec<String> {
    let played = outbox.played().iter().map(|(_, times)| times).sum();
    [(outbox.refused(), "refused"), (played, "played by the script")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", grouped(count)))
        .collect()
}

fn sum_up(console: &Console, outbox: &Outbox, took: Duration) {
    if console.json {
        let played: Vec<_> = outbox
            .played()
            .iter()
            .map(|(line, times)| json!({ "line": line, "times": times }))
            .collect();
        console.document(&json!({
            "event": "closed",
            "kept": outbox.accepted(),
            "bytes": outbox.bytes(),
            "refused": outbox.refused(),
            "connections": outbox.connections(),
            "played": played,
            "seconds": took.as_secs_f64(),
        }));
        return;
    }
    let kept = counted(outbox.accepted(), "mail");
    let connections = counted(outbox.connections(), "connection");
    let kilobytes = grouped(outbox.bytes().div_ceil(1_000));
    let mut words = vec![format!("{kept} ({kilobytes} kB) over {connections} in {}", spoken(took))];
    words.extend(troubles(outbox));
    console.tell(words.join(", "));
    for (line, times) in outbox.played() {
        console.tell(format_args!(
            "  line {line} of the script was played {}",
            counted(times, "time")
        ));
    }
}
