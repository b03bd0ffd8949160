//! `worker`: a sender on a machine that has none of a publication's files. It delivers whatever the shared ledger is sending.
//!
//! What it needs to know comes from the ledger: the edition, and the settings
//! as they were when the issue was sent on its way. What is secret does not:
//! the key of the links, the relay's password and the keys that sign lie in
//! this machine's own state folder, or come from the environment.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use ring::rand::SystemRandom;
use tokio::sync::mpsc;

use super::{
    Console, Failure,
    account::Account,
    aside::{Aside, Trouble},
    ears::Ears,
    exit,
    heart::{self, Heart},
    ledger,
    lock::{Lock, Sender, boot},
    newsroom::{Newsroom, credentials, keys_in, mistakes, relay_of},
    orders::Orders,
    send::slowed,
    words::clock_time,
};
use crate::{
    cli::{self, Global},
    compose::{Edition, Press, Signer},
    config,
    ledger::{IssueRecord, Ledger, LedgerError},
    model::{
        DkimSettings, IssueState, LedgerSettings, LedgerUrl, Publication, RelayUrl, SecretSource,
    },
    send::{Braked, Ended, Halt, Run, SendError, Stop},
};

/// How often the ledger is asked for something to do.
const LOOK: Duration = Duration::from_secs(2);

/// How long a failure may stand before a worker ends that was to leave when there is nothing to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs the command.
pub(super) async fn run(
    console: &Console,
    global: &Global,
    wish: &cli::Worker,
) -> Result<u8, Failure> {
    let ears = Ears::open();
    let place = Place::find(global, wish)?;
    let ledger = ledger::open(&place.ledger, &place.root).map_err(|failure| place.own(failure))?;
    let _lock =
        Lock::take(&place.state.join("send.lock")).map_err(|failure| place.taken(failure))?;
    let sender = Sender::of(&place.state)?;
    let heart = Heart::start(Arc::clone(&ledger), &sender, None);
    let (ledger_is, aside) = (Cell::new(Known::Nothing), Aside::default());
    let work = Work { console, place, sender, ledger, heart, wish, ears, ledger_is, aside };
    let code = work.go_on().await;
    work.heart.stop().await;
    code
}

/// Where a worker finds what it needs.
struct Place {
    ledger: LedgerSettings,
    /// What paths in the settings are relative to.
    root: PathBuf,
    /// The folder of the key, the passwords, the journal and the mark.
    state: PathBuf,
    /// Whether it stands in a publication, whose files say where the rest is.
    has_publication: bool,
}

impl Place {
    /// The environment's URL and state folder, else those of the publication we stand in.
    fn find(global: &Global, wish: &cli::Worker) -> Result<Self, Failure> {
        let Some(url) = &wish.ledger else {
            let newsroom = Newsroom::open(global).map_err(|failure| {
                failure.hint("a worker without a publication gets the ledger from --ledger or POSTRIDER_LEDGER_URL")
            })?;
            let state = match &wish.state {
                Some(state) => state.clone(),
                None => newsroom.private()?,
            };
            let (ledger, root) = (newsroom.publication.ledger, newsroom.root);
            return Self { ledger, root, state, has_publication: true }.shared();
        };
        let url = config::ledger_url(url).map_err(|problem| {
            Failure::new(exit::CONFIG, problem).hint("it is --ledger or POSTRIDER_LEDGER_URL")
        })?;
        let state = wish.state.clone().unwrap_or_else(|| PathBuf::from(".postrider"));
        ledger::make_private(&state)?;
        let state = state.canonicalize().map_err(|error| Failure::file(&state, "open", &error))?;
        let ca_file = certificate("ledger-ca.pem");
        let ca_file = Some(ca_file).filter(|file| state.join(file).is_file());
        let ledger = LedgerSettings { url, password: own_file(&state, "ledger-password"), ca_file };
        Self { ledger, root: state.clone(), state, has_publication: false }.shared()
    }

    fn shared(self) -> Result<Self, Failure> {
        match self.ledger.url {
            LedgerUrl::Postgres(_) => Ok(self),
            LedgerUrl::Sqlite(_) => {
                Err(Failure::new(exit::CONFIG, "a ledger in a file is for one machine: `send` and `due` are its workers")
                    .hint("machines share a ledger in PostgreSQL: `postrider ledger migrate --to postgres://...` moves this one there"))
            }
        }
    }
}

impl Place {
    /// Says of something that is missing where a worker has it, which has no publication.toml to look into.
    fn own(&self, failure: Failure) -> Failure {
        let is_missing = [exit::CONFIG, exit::NO_INPUT].contains(&failure.code);
        if self.has_publication || !is_missing {
            return failure;
        }
        let hint = format!(
            "a worker looks in its state folder `{}`, and among the credentials of its service, for `key`, `ledger-password`, `relay-password`, and what [dkim] and `ca_file` under [relay] name, without folders",
            self.state.display()
        );
        Failure { hints: vec![hint], ..failure }
    }

    /// Says of a state folder that is in use what to do about it.
    fn taken(&self, failure: Failure) -> Failure {
        if self.has_publication || failure.code != exit::AGAIN {
            return failure;
        }
        let message = format!("another worker has the state folder `{}`", self.state.display());
        Failure::new(exit::AGAIN, message)
            .hint("each wants one of its own: name it with --state or POSTRIDER_STATE")
    }
}

struct Work<'a> {
    console: &'a Console,
    place: Place,
    sender: Sender,
    ledger: Arc<dyn Ledger>,
    heart: Heart,
    wish: &'a cli::Worker,
    ears: Ears,
    ledger_is: Cell<Known>,
    aside: Aside,
}

/// What was heard of the ledger last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Nothing,
    Away,
    There,
}

/// What came of a look at one issue.
enum Came {
    /// It is over, or goes on at once.
    Done,
    /// Others hold the rest, or something is to be waited for that comes soon.
    Soon,
    /// The rest waits for an hour that is not near.
    Later,
    /// It failed here, with this exit code, and is left alone.
    Failed(u8),
}

/// Returns the exit code for who leaves when there is nothing to do, once nothing there is goes on soon.
fn code_of(came: &[Came]) -> Option<u8> {
    let failed = came.iter().find_map(|came| match came {
        Came::Failed(code) => Some(*code),
        Came::Done | Came::Soon | Came::Later => None,
    });
    match came {
        [] => Some(exit::DONE),
        _ if came.iter().any(|came| matches!(came, Came::Done | Came::Soon)) => None,
        _ => failed.or(Some(exit::AGAIN)),
    }
}

impl Work<'_> {
    /// Sends whatever there is to be sent, until a signal, or until there is nothing any more.
    async fn go_on(&self) -> Result<u8, Failure> {
        let mut said = String::new();
        let mut well: Option<Instant> = None;
        loop {
            if self.is_stopping() {
                return Ok(exit::AGAIN);
            }
            let round = self.round().await;
            let leave = match round {
                Ok(came) => {
                    said.clear();
                    well = Some(Instant::now());
                    code_of(&came)
                }
                Err(failure) if failure.code == exit::GUARD => return Err(failure),
                Err(failure)
                    if self.wish.until_idle
                        && well.is_none_or(|well| well.elapsed() > PATIENCE) =>
                {
                    return Err(failure);
                }
                Err(failure) => {
                    // The same trouble is told once.
                    if said != failure.message {
                        self.console.failure(&failure);
                        said.clone_from(&failure.message);
                    }
                    None
                }
            };
            if let Some(code) = leave.filter(|_| self.wish.until_idle) {
                return Ok(code);
            }
            self.rest(LOOK).await;
        }
    }

    /// Goes through every issue that is being sent, once; what one fails with keeps no other from its turn.
    async fn round(&self) -> Result<Vec<Came>, Failure> {
        let (mut came, mut seen) = (Vec::new(), Vec::new());
        let sending = self.ledger.sending().await.inspect_err(|_| self.lose_ledger())?;
        self.hear_ledger();
        for (publication, slug) in sending {
            if self.is_stopping() {
                break;
            }
            let Some(issue) = self.ledger.issue(&publication, &slug).await? else { continue };
            let id = issue.id;
            seen.push(id);
            if let Some(code) = self.aside.resting(id) {
                came.push(Came::Failed(code));
                continue;
            }
            let one = self.one(&publication, issue).await;
            self.heart.work_on(None).await;
            came.push(match one {
                Ok(one) => {
                    self.aside.take_back(id);
                    one
                }
                Err(Trouble::Issue(failure)) => {
                    let code = failure.code;
                    let name = format!("{slug} of {publication}");
                    self.aside.put(self.console, id, &name, failure);
                    Came::Failed(code)
                }
                Err(Trouble::All(failure)) => return Err(failure),
            });
        }
        self.aside.keep(&seen);
        Ok(came)
    }

    /// Says that the ledger answers, where that is news.
    fn hear_ledger(&self) {
        match self.ledger_is.replace(Known::There) {
            Known::Nothing => {
                let name = &self.sender.name;
                self.console.note(format_args!("{name} waits for what is to be sent"));
            }
            Known::Away => self.console.note("the ledger answers again"),
            Known::There => {}
        }
    }

    fn lose_ledger(&self) {
        if self.ledger_is.get() == Known::There {
            self.ledger_is.set(Known::Away);
        }
    }

    async fn one(&self, publication: &str, issue: IssueRecord) -> Result<Came, Trouble> {
        let slug = issue.slug.clone();
        let Some(orders) = self.ledger.orders(issue.id).await? else {
            // Its first sender has frozen it and is about to say how it goes out.
            return Ok(Came::Soon);
        };
        let orders = Orders::read(&orders)?;
        let id = issue.id;
        let run = self.prepare(publication, issue, &orders).await?;
        let work = heart::Issue { publication: publication.to_owned(), slug: slug.clone(), id };
        self.heart.work_on(Some(work)).await;
        let (news, told) = mpsc::unbounded_channel();
        // Nobody watches a worker.
        drop(self.heart.listen(told));
        let gone = self.sender.gone();
        let ended = run.deliver(gone, self.ears.stopped.clone(), news).await;
        self.follow(publication, &slug, ended).await
    }

    /// Makes a run of what the ledger says and what this machine has.
    async fn prepare(
        &self,
        publication: &str,
        issue: IssueRecord,
        orders: &Orders,
    ) -> Result<Run, Trouble> {
        let mut settings = orders.publication()?;
        confine(&mut settings, &self.place.state);
        if settings.relay.url == RelayUrl::Outbox {
            return Err(Failure::new(
                exit::CONFIG,
                "it goes to the built-in outbox, which is on the machine of `send`",
            )
            .hint("name a server under [relay] in publication.toml, for machines to share")
            .into());
        }
        let ledger = Arc::clone(&self.ledger);
        let date = issue.frozen_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let keys = keys_in(&self.place.state)?.ok_or_else(|| {
            let path = self.place.state.join("key");
            Failure::new(
                exit::CONFIG,
                format!("there is no key of the links in `{}`", path.display()),
            )
            .hint("copy `.postrider/key` of the publication there, for its owner alone (chmod 600), or have systemd load it as the credential `key`")
        })?;
        orders.same_key(&keys)?;
        let edition: Edition =
            serde_json::from_slice(&ledger.edition(issue.id).await?).map_err(|error| {
                Failure::new(exit::BUG, format!("failed to read the frozen edition: {error}"))
            })?;
        let press = Press::new(&edition, issue.id, date, keys)
            .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?;
        let signer = settings.dkim.as_ref().map(|dkim| signer(dkim, &self.place.state, date));
        let press = press.signed_by(signer.transpose()?);
        let relay = relay_of(&settings, &self.place.state, None)
            .map_err(|failure| self.place.own(failure))?;
        let settings_relay = &settings.relay;
        Ok(Run {
            publication: publication.to_owned(),
            press: Arc::new(press),
            relay,
            connections: self.wish.connections.map_or(settings_relay.connections, usize::from),
            lane: settings_relay.url.lane(),
            messages: settings_relay.messages,
            chunking: settings_relay.chunking,
            rates: settings_relay.rate.clone(),
            warm_up: settings_relay.warm_up.clone(),
            domains: settings_relay.domains.clone(),
            limit: None,
            stop_at_rejected: settings.send.stop_at_rejected,
            owner: self.sender.name.clone(),
            journal: self.place.state.join("outcomes.journal"),
            boot: boot(),
            high_water: self.place.state.join("high-water"),
            issue,
            ledger,
        })
    }

    /// Does what the end of a run asks for.
    async fn follow(
        &self,
        publication: &str,
        slug: &str,
        ended: Result<Ended, SendError>,
    ) -> Result<Came, Trouble> {
        let ended = ended?;
        match &ended {
            Ended::Finished | Ended::Cancelled => {
                self.tell(publication, slug).await?;
                Ok(Came::Done)
            }
            Ended::Paused | Ended::Limit | Ended::Stopped => Ok(Came::Done),
            Ended::Held => Ok(Came::Soon),
            Ended::Deferred(_) | Ended::Quota(_) | Ended::Braked(_) => {
                self.note_wait(slug, &ended);
                Ok(Came::Later)
            }
            Ended::Halted(halt @ (Halt::Refused(_) | Halt::Copy(_) | Halt::Refusals(_))) => {
                // Trying again would only make it worse, here and on every other machine.
                let from = [IssueState::Sending];
                let ledger = &self.ledger;
                ledger.turn(publication, slug, &from, IssueState::Paused, halt.why()).await?;
                self.console.failure(&Failure::halted(halt, slug));
                Ok(Came::Done)
            }
            Ended::Halted(
                halt
                @ (Halt::Relay(_) | Halt::Untrusted(_) | Halt::Credentials(_) | Halt::Token(_)),
            ) => Err(Trouble::Issue(Failure::halted(halt, slug))),
            Ended::Halted(Halt::Ledger(why)) => {
                self.lose_ledger();
                let failure = Failure::new(exit::UNREACHABLE, why);
                Err(Trouble::All(failure.hint("what is known is kept in `outcomes.journal` of the state folder; it goes on when the ledger is back")))
            }
            Ended::Halted(halt @ Halt::Disk(_)) => Err(Trouble::All(Failure::halted(halt, slug))),
        }
    }

    async fn tell(&self, publication: &str, slug: &str) -> Result<(), LedgerError> {
        let ledger = &self.ledger;
        let Some(issue) = ledger.issue(publication, slug).await? else { return Ok(()) };
        let tally = ledger.tally(issue.id).await?;
        let suppressed = ledger.suppressed(issue.id).await?;
        let account = Account::of(&issue, tally, suppressed, Duration::ZERO, 0);
        if self.console.json {
            account.document(self.console);
        } else {
            self.console.tell(format_args!("{slug} is {}", issue.state.word()));
            account.tell(self.console);
        }
        // A worker does not end for weeks.
        self.console.flush();
        Ok(())
    }

    fn note_wait(&self, slug: &str, ended: &Ended) {
        let words = match ended {
            Ended::Deferred(at) => {
                format!("some readers wait for another try until {}", clock_time(*at))
            }
            Ended::Quota(at) => format!("the rate allows no more until {}", clock_time(*at)),
            Ended::Braked(braked @ Braked { until, .. }) => {
                format!("{} until {}", slowed(braked), clock_time(*until))
            }
            _ => return,
        };
        self.console.note(format_args!("{slug}: {words}"));
    }

    fn is_stopping(&self) -> bool {
        *self.ears.stopped.borrow() != Stop::No
    }

    /// Waits, but for no longer than until a signal.
    async fn rest(&self, wait: Duration) {
        let mut stopped = self.ears.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.wait_for(|stop| *stop != Stop::No) => {}
        }
    }
}

/// Has every secret come from the state folder, by the names of the files: the ledger's word opens no other file of this machine, and runs no command on it.
fn confine(settings: &mut Publication, state: &Path) {
    let own = |file: &str| {
        let name = Path::new(file).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    settings.relay.password = own_file(state, "relay-password");
    settings.relay.ca_file = settings.relay.ca_file.as_deref().map(|file| certificate(&own(file)));
    for key in settings.dkim.iter_mut().flat_map(|dkim| &mut dkim.keys) {
        key.file = own(&key.file);
    }
}

/// Names a certificate to trust: systemd's credential of that name, else the file of the state folder.
fn certificate(name: &str) -> String {
    let handed_over = credentials().map(|folder| folder.join(name)).filter(|file| file.is_file());
    handed_over.map_or_else(|| name.to_owned(), |file| file.to_string_lossy().into_owned())
}

/// Names a secret of the state folder, where it is there.
fn own_file(state: &Path, name: &str) -> Option<SecretSource> {
    state.join(name).is_file().then(|| SecretSource::File(name.to_owned()))
}

fn signer(dkim: &DkimSettings, state: &Path, date: Timestamp) -> Result<Signer, Failure> {
    let keys = config::dkim_keys(dkim, state).map_err(mistakes)?;
    Ok(Signer::new(dkim.domain.clone(), keys, &dkim.unsigned, date, SystemRandom::new()))
}
