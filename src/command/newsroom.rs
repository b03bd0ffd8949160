//! An opened publication: its folder, its settings, its drafts, its list file and its ledger. The one place commands touch the disk for those.

use std::{
    fs,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use ring::rand::SystemRandom;

use super::{
    Console, Failure, exit, ledger,
    lock::Lock,
    manuscript,
    rows::{self, Break, Meeting},
    words::{self, counted},
};
use crate::{
    cli::Global,
    compose::{
        self, Composed, DkimKey, Draft, Edition, KeyRing, Press, Signer, Strings, TemplateFile,
        Theme,
    },
    config::{self, SecretError},
    ledger::{Ledger, LedgerError, Records, SqliteLedger},
    model::{
        Auth, DkimSettings, IssueState, LedgerUrl, Place, Problem, Publication, RelaySettings,
        RelayUrl, Secret, SecretSource,
    },
    send::guard::HighWater,
    smtp,
};

/// The largest file of templates/ that is read: themes and words are a few kB.
const TEMPLATE_MAX: u64 = 1_000_000;

/// A publication's folder, opened.
pub(super) struct Newsroom {
    /// The folder, absolute.
    pub(super) root: PathBuf,
    /// What `publication.toml` says.
    pub(super) publication: Publication,
    /// What it holds, to point at its lines.
    pub(super) settings: String,
    /// The time to go by for schedules and Date; the ledger keeps its own.
    pub(super) now: Timestamp,
}

/// An issue's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IssueFolder {
    /// The folder's name.
    pub(super) slug: String,
    /// The folder, absolute.
    pub(super) path: PathBuf,
}

/// A publication's own file of words.
pub(super) struct OwnStrings {
    /// The file, as `templates/strings/en.toml`.
    name: String,
    text: String,
}

/// Returns the words of a language: a publication's own, else those that come with the program.
pub(super) fn strings(language: &str, own: Option<&OwnStrings>) -> Result<Strings, Vec<Problem>> {
    match own {
        Some(OwnStrings { name, text }) => Strings::parse(TemplateFile { name, text }),
        None => Strings::load(language, None),
    }
}

impl Newsroom {
    /// Opens the publication that `-C` names, or the nearest one upwards from here.
    pub(super) fn open(global: &Global) -> Result<Self, Failure> {
        let start = match &global.publication {
            Some(folder) => folder.clone(),
            None => std::env::current_dir().map_err(|error| {
                Failure::file(Path::new("."), "find the current folder", &error)
            })?,
        };
        let file = if global.publication.is_some() {
            let file = start.join(config::FILE_NAME);
            // A folder that is another user's says nothing of what is in it.
            let is_there = file.try_exists();
            let is_there = is_there.map_err(|error| Failure::file(&file, "read", &error))?;
            Some(file).filter(|file| is_there && file.is_file())
        } else {
            config::locate(&start).map(|folder| folder.join(config::FILE_NAME))
        };
        let Some(file) = file else {
            return Err(Failure::new(
                exit::NO_INPUT,
                format!(
                    "there is no publication.toml in `{}`{}",
                    start.display(),
                    match global.publication {
                        Some(_) => "",
                        None => " or any folder above it",
                    }
                ),
            )
            .hint(
                "`postrider init DIR` makes a publication; `-C DIR` names one that is elsewhere",
            ));
        };
        let now = clock(global)?;
        Self::read(&file, now)
    }

    /// Opens the publication of this `publication.toml`.
    pub(super) fn read(file: &Path, now: Timestamp) -> Result<Self, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::file(file, "read", &error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let Place { line, column, .. } = Place::of_span("publication.toml", &text, at..at);
            let message = format!("publication.toml:{line}:{column}: the file is not UTF-8 text");
            Failure::new(exit::CONFIG, message).hint("save it as UTF-8 in your editor")
        })?;
        let publication = config::read(&text, "publication.toml").map_err(mistakes)?;
        let root = file.parent().unwrap_or(Path::new("."));
        let root = root.canonicalize().map_err(|error| Failure::file(root, "open", &error))?;
        Ok(Self { root, publication, settings: text, now })
    }

    /// Lists the issues' folders in the order of their names.
    pub(super) fn issues(&self) -> Result<Vec<IssueFolder>, Failure> {
        let paths = self.in_issues()?.into_iter().filter(|path| is_issue(path));
        let named = paths.filter_map(|path| {
            Some(IssueFolder { slug: path.file_name()?.to_str()?.to_owned(), path })
        });
        Ok(named.collect())
    }

    /// Lists what looks like an issue and is none, as `issues/NAME`: a folder without a draft, a draft without a folder.
    pub(super) fn strays(&self) -> Result<Vec<String>, Failure> {
        let is_stray = |path: &PathBuf| {
            let is_draft = path.extension().is_some_and(|extension| extension == "md");
            !is_issue(path) && (path.is_dir() || is_draft)
        };
        let paths = self.in_issues()?.into_iter().filter(is_stray);
        let names = paths.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        let seen = names.filter(|name| !name.starts_with('.'));
        Ok(seen.map(|name| format!("issues/{name}")).collect())
    }

    /// Lists what stands in `issues/`, in the order of the names.
    fn in_issues(&self) -> Result<Vec<PathBuf>, Failure> {
        let folder = self.root.join("issues");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::file(&folder, "read", &error)),
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        Ok(paths)
    }

    /// Finds an issue by its folder's name, any unambiguous part of it, or a path.
    pub(super) fn issue(&self, name: &str) -> Result<IssueFolder, Failure> {
        let issues = self.issues()?;
        if let Some(issue) = issues.iter().find(|issue| issue.slug == name) {
            return Ok(issue.clone());
        }
        if let Ok(path) = Path::new(name).canonicalize() {
            let path = if path.ends_with("issue.md") {
                path.parent().map(Path::to_path_buf)
            } else {
                Some(path)
            };
            if let Some(issue) = issues.iter().find(|issue| Some(&issue.path) == path.as_ref()) {
                return Ok(issue.clone());
            }
        }
        if let Some(issue) = fitting(name, &issues, |issue| &issue.slug)? {
            return Ok(issue.clone());
        }
        let failure = Failure::new(exit::NO_INPUT, format!("there is no issue `{name}`"));
        Err(failure.hint(match (near(name, &issues), issues.last()) {
            (Some(issue), _) => format!("did you mean {}?", issue.slug),
            (None, Some(issue)) => format!("the latest is {}", issue.slug),
            (None, None) => "`postrider draft SLUG` makes one".to_owned(),
        }))
    }

    /// Reads a draft and the files beside it.
    pub(super) fn draft(&self, issue: &IssueFolder) -> Result<Draft, Failure> {
        manuscript::read(&self.root, issue)
    }

    /// Composes an issue, or returns every mistake it has.
    pub(super) fn compose(&self, issue: &IssueFolder) -> Result<Composed, Failure> {
        let draft = self.draft(issue)?;
        self.try_compose(&draft)?.map_err(|problems| {
            let errors = problems.iter().filter(|problem| problem.is_error()).count();
            let count = counted(errors as u64, "mistake");
            Failure::problems(exit::BAD_DATA, format!("{} has {count}", draft.path), problems)
        })
    }

    /// Composes a draft; the inner result tells the draft's mistakes.
    pub(super) fn try_compose(
        &self,
        draft: &Draft,
    ) -> Result<Result<Composed, Vec<Problem>>, Failure> {
        self.compose_as(draft, &self.publication, None)
    }

    /// Composes a draft as `publication`, which is nearly this one, and with another reason for the mail where there is one.
    pub(super) fn compose_as(
        &self,
        draft: &Draft,
        publication: &Publication,
        reason: Option<&str>,
    ) -> Result<Result<Composed, Vec<Problem>>, Failure> {
        let (issue, _) = compose::parse(draft, publication);
        let theme = self.theme(issue.theme())?;
        let own = self.own_strings(issue.language())?;
        let words = |language: &str| {
            let strings = strings(language, own.as_ref())?;
            Ok(match reason {
                Some(reason) => strings.because(reason),
                None => strings,
            })
        };
        Ok(compose::compose(draft, publication, &theme, &words))
    }

    /// Reads a theme: what the publication's own files say of it, over the built-in one.
    pub(super) fn theme(&self, name: &str) -> Result<Theme, Failure> {
        self.load_theme(name)?.map_err(|problems| {
            Failure::problems(exit::CONFIG, format!("the theme `{name}` cannot be used"), problems)
        })
    }

    /// Reads a theme; the inner result tells the mistakes of its files.
    pub(super) fn load_theme(&self, name: &str) -> Result<Result<Theme, Vec<Problem>>, Failure> {
        let (toml, css) = (self.template("theme.toml")?, self.template("theme.css")?);
        Ok(Theme::load(name, toml.as_deref(), css.as_deref()))
    }

    /// Reads the publication's own words of a language, those of `en` for `en-GB` where it has no others.
    pub(super) fn own_strings(&self, language: &str) -> Result<Option<OwnStrings>, Failure> {
        let primary = language.split('-').next().unwrap_or_default();
        for tag in [language, primary] {
            let name = format!("strings/{tag}.toml");
            if let Some(text) = self.template(&name)? {
                return Ok(Some(OwnStrings { name: format!("templates/{name}"), text }));
            }
        }
        Ok(None)
    }

    /// Reads a file of `templates/`, if it is there.
    fn template(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.root.join("templates").join(name);
        let failed = |error| Failure::file(&path, "read", &error);
        // Several publications may share one file by a link.
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !meta.is_file() || meta.len() > TEMPLATE_MAX {
            let message = format!("templates/{name} is no file of less than 1 MB");
            return Err(Failure::new(exit::CONFIG, message));
        }
        let bytes = fs::read(&path).map_err(failed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the private folder `.postrider/`, making it where it is missing.
    pub(super) fn private(&self) -> Result<PathBuf, Failure> {
        let folder = self.root.join(".postrider");
        ledger::make_private(&folder)?;
        Ok(folder)
    }

    /// Opens the ledger, making it where there is none.
    pub(super) fn ledger(&self) -> Result<Arc<dyn Ledger>, Failure> {
        ledger::open(&self.publication.ledger, &self.root)
    }

    /// Opens the ledger for a report; where nothing can be written beside it, a copy of it, and says so.
    pub(super) fn ledger_to_read(&self, console: &Console) -> Result<Arc<dyn Ledger>, Failure> {
        let (ledger, is_copy) = self.ledger_or_copy()?;
        if is_copy {
            console.note("the ledger cannot be written to from here: this is as it was closed last, and nothing can be sent");
        }
        Ok(ledger)
    }

    /// Opens the ledger, or a copy of it where nothing can be written beside it, and tells which.
    pub(super) fn ledger_or_copy(&self) -> Result<(Arc<dyn Ledger>, bool), Failure> {
        let refused = match self.ledger() {
            Ok(ledger) => return Ok((ledger, false)),
            Err(refused) => refused,
        };
        let Some(file) = self.ledger_file() else { return Err(refused) };
        match SqliteLedger::copy_to_read(&file)? {
            Some(copy) => Ok((Arc::new(copy), true)),
            None => Err(refused),
        }
    }

    /// Tells whether there is a ledger to look into. A server has one, or makes it.
    ///
    /// One that is another user's to see is an error: to take it for none would call what was sent a draft.
    pub(super) fn has_ledger(&self) -> Result<bool, Failure> {
        let Some(file) = self.ledger_file() else { return Ok(true) };
        file.try_exists().map_err(|error| Failure::file(&file, "look at", &error))
    }

    /// Returns the ledger's file; `None` where it is a server's.
    pub(super) fn ledger_file(&self) -> Option<PathBuf> {
        match &self.publication.ledger.url {
            LedgerUrl::Sqlite(path) => Some(self.root.join(path)),
            LedgerUrl::Postgres(_) => None,
        }
    }

    /// Takes the lock of whoever sends from this ledger on this machine.
    pub(super) fn lock(&self) -> Result<Lock, Failure> {
        ledger::not_for_another(&self.root)?;
        self.private()?;
        Lock::take(&self.lock_path())
    }

    /// Returns where that lock is: beside the ledger's file, since two folders may share one.
    pub(super) fn lock_path(&self) -> PathBuf {
        let file = self.ledger_file().unwrap_or_else(|| self.root.join(".postrider/ledger"));
        file.with_file_name("send.lock")
    }

    /// Says of a ledger that stayed busy who is sending from this machine, where somebody is.
    pub(super) fn refused(&self, error: LedgerError) -> Failure {
        let is_busy = matches!(error, LedgerError::Busy(_));
        let failure = Failure::from(error);
        match Lock::holder(&self.lock_path()).filter(|_| is_busy) {
            Some(holder) => Failure {
                hints: vec![format!(
                    "it is being sent by {holder}: run it again in a moment, or, if that process hangs, end it first; nothing is lost by that"
                )],
                ..failure
            },
            None => failure,
        }
    }

    /// Reads the keys that sign links, making the first one where there is none and the ledger knows of no issue that went out.
    pub(super) async fn keys(&self) -> Result<KeyRing, Failure> {
        if !self.has_key() && self.has_ledger()? {
            return self.keys_for(&*self.ledger()?).await;
        }
        self.own_keys()
    }

    /// Tells whether this machine has the keys.
    fn has_key(&self) -> bool {
        self.root.join(".postrider/key").exists()
    }

    fn own_keys(&self) -> Result<KeyRing, Failure> {
        let path = self.private()?.join("key");
        let text = match fs::read_to_string(&path) {
            // An empty file is a person's word that the key is lost for good.
            Ok(text) if text.trim().is_empty() => make_key(&path)?,
            Ok(text) => {
                owners_alone(&path)?;
                text
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.has_sent() {
                    return Err(key_is_gone());
                }
                make_key(&path)?
            }
            Err(error) => return Err(Failure::file(&path, "read", &error)),
        };
        text.parse().map_err(|error| {
            Failure::new(exit::CONFIG, format!("failed to read `{}`: {error}", path.display()))
                .hint("restore it from a backup: without it the unsubscribe links of past issues do not work")
        })
    }

    /// Reads the keys as `keys` does, and makes no first one where the ledger knows of issues that went out: their links were signed by one that this machine lacks.
    pub(super) async fn keys_for(&self, ledger: &dyn Ledger) -> Result<KeyRing, Failure> {
        if !self.has_key() {
            let issues = ledger.issues(&self.publication.id).await?;
            if issues.iter().any(|issue| issue.started_at.is_some()) {
                return Err(key_is_gone());
            }
        }
        self.own_keys()
    }

    /// Tells whether deliveries were ever begun from here: their links were signed.
    fn has_sent(&self) -> bool {
        let file = self.root.join(".postrider/high-water");
        // An issue that began has a line; where the file was lost with its folder, the count that a person accepted says so.
        self.begun().is_ok_and(|begun| !begun.is_empty())
            || HighWater::seen(&file).is_ok_and(|begins| begins > 0)
    }

    /// Returns the slugs of the issues that were begun from here, whatever the ledger remembers.
    pub(super) fn begun(&self) -> Result<Vec<String>, Failure> {
        Ok(HighWater::issues(&self.root.join(".postrider/high-water"))?)
    }

    /// Returns what an issue is that the ledger does not know: a draft, unless it was begun from here.
    pub(super) fn state_unknown(&self, slug: &str) -> Result<IssueState, Failure> {
        let is_begun = self.begun()?.iter().any(|begun| begun == slug);
        Ok(if is_begun { IssueState::Forgotten } else { IssueState::Draft })
    }

    /// Tells whether the file of the keys is empty; `None` where there is none.
    pub(super) fn key_is_empty(&self) -> Result<Option<bool>, Failure> {
        let path = self.root.join(".postrider/key");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().is_empty())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file(&path, "read", &error)),
        }
    }

    /// Returns the keys, or some that are forgotten at once where there are none yet, so that a look writes nothing.
    pub(super) fn keys_for_a_look(&self) -> Result<KeyRing, Failure> {
        if self.has_key() || self.has_sent() {
            self.own_keys()
        } else {
            Ok(KeyRing::fresh(&[0; 32]))
        }
    }

    /// Sets an edition for printing, its links signed by `keys`; `issue` is the ledger's number of it, 0 where there is none yet.
    pub(super) fn press(
        &self,
        edition: &Edition,
        issue: i64,
        date: Timestamp,
        keys: KeyRing,
    ) -> Result<Press, Failure> {
        let press = Press::new(edition, issue, date, keys)
            .map_err(|error| Failure::new(exit::BAD_DATA, error.to_string()))?;
        Ok(press.signed_by(self.signer(date)?))
    }

    /// Reads the keys that sign messages, where the publication does that itself; `date` is when they say they were signed.
    pub(super) fn signer(&self, date: Timestamp) -> Result<Option<Signer>, Failure> {
        let Some(DkimSettings { domain, unsigned, .. }) = &self.publication.dkim else {
            return Ok(None);
        };
        let keys = self.dkim_keys()?;
        Ok(Some(Signer::new(domain.clone(), keys, unsigned, date, SystemRandom::new())))
    }

    /// Reads the keys that `[dkim]` names, with their selectors.
    pub(super) fn dkim_keys(&self) -> Result<Vec<(String, DkimKey)>, Failure> {
        let Some(settings) = &self.publication.dkim else { return Ok(Vec::new()) };
        config::dkim_keys(settings, &self.root).map_err(mistakes)
    }

    /// Says how to reach the relay, password included; `outbox` is where the built-in one listens.
    pub(super) fn relay(
        &self,
        outbox: Option<std::net::SocketAddr>,
    ) -> Result<smtp::Relay, Failure> {
        relay_of(&self.publication, &self.root, outbox)
    }

    /// Opens the list file, if the publication has one. A break in it breaks the stream.
    pub(super) fn records(&self) -> Result<Option<(Records, Meeting)>, Failure> {
        let Some(name) = &self.publication.list.csv else { return Ok(None) };
        let path = self.root.join(name);
        // A device or a pipe has no end, or another one each time.
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Failure::new(exit::NO_INPUT, format!("the list `{name}` is not a file"))
                .hint("the list is `csv` under [list] in publication.toml"));
        }
        let rows = rows::open(&path, name).map_err(|failure| {
            failure.hint("the list is `csv` under [list] in publication.toml")
        })?;
        Ok(Some(rows::records(rows, Break::Refuse)))
    }
}

/// Says how to reach a publication's relay; paths are relative to `root`.
pub(super) fn relay_of(
    publication: &Publication,
    root: &Path,
    outbox: Option<std::net::SocketAddr>,
) -> Result<smtp::Relay, Failure> {
    let settings = &publication.relay;
    let hello = publication.sender.from.address.domain().to_owned();
    let deadlines = settings.deadlines;
    match (&settings.url, outbox) {
        (RelayUrl::Server { security, host, port, user }, _) => {
            let credentials =
                user.as_ref().map(|user| credentials_of(publication, root, user)).transpose()?;
            let trust = match &settings.ca_file {
                Some(file) => {
                    let path = root.join(file);
                    fs::read(&path).map_err(|error| {
                        Failure::file(&path, "read", &error)
                            .hint("it is `ca_file` under [relay] in publication.toml")
                    })?
                }
                None => Vec::new(),
            };
            Ok(smtp::Relay {
                host: host.clone(),
                port: *port,
                security: *security,
                credentials,
                trust,
                hello,
                deadlines,
            })
        }
        (RelayUrl::Outbox, Some(address)) => Ok(smtp::Relay {
            host: address.ip().to_string(),
            port: address.port(),
            security: crate::model::Security::Plain,
            credentials: None,
            trust: Vec::new(),
            hello,
            deadlines,
        }),
        (RelayUrl::Outbox, None) => {
            Err(Failure::new(exit::BUG, "the built-in relay is not running"))
        }
    }
}

fn credentials_of(
    publication: &Publication,
    root: &Path,
    user: &str,
) -> Result<smtp::Credentials, Failure> {
    let RelaySettings { auth, password, .. } = &publication.relay;
    let secret = relay_password(password.as_ref(), root)
        .map_err(|error| {
            Failure::new(exit::CONFIG, error.to_string()).hint(
                "the password of the relay is looked for where [relay] in publication.toml says",
            )
        })?
        .ok_or_else(|| nothing_to_show(*auth, user))?;
    let proof = match auth {
        Auth::Password => smtp::Proof::Password(secret),
        Auth::Xoauth2 => smtp::Proof::Token(tokens(secret, password.clone(), root.to_owned())?),
    };
    Ok(smtp::Credentials { user: user.to_owned(), proof })
}

fn nothing_to_show(auth: Auth, user: &str) -> Failure {
    let missing = match auth {
        Auth::Password => Failure::new(
            exit::CONFIG,
            format!("there is no password for the user `{user}` of the relay"),
        ),
        Auth::Xoauth2 => Failure::new(
            exit::CONFIG,
            format!("there is no token for the user `{user}` of the relay"),
        ),
    };
    missing.hint(
        "set POSTRIDER_RELAY_PASSWORD, or `password_file` or `password_command` under [relay]",
    )
}

/// Begins with a first token; every later one comes from where that came from.
fn tokens(
    first: Secret,
    source: Option<SecretSource>,
    root: PathBuf,
) -> Result<smtp::Tokens, Failure> {
    let again = move || match relay_password(source.as_ref(), &root) {
        Ok(secret) => secret.ok_or_else(|| "it is not there any more".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    smtp::Tokens::new(first, again).map_err(|why| {
        Failure::new(exit::CONFIG, why)
            .hint("`auth = \"xoauth2\"` under [relay] says that it is a token; for a password take that line out")
    })
}

const PASSWORD: &str = "POSTRIDER_RELAY_PASSWORD";

/// The variable wins over what systemd hands over, and that over what publication.toml says.
fn relay_password(
    source: Option<&SecretSource>,
    root: &Path,
) -> Result<Option<Secret>, SecretError> {
    secret_of(source, root, PASSWORD, CREDENTIAL)
}

/// Finds a secret in its variable, else in systemd's credential of this name, else where the settings say.
pub(super) fn secret_of(
    source: Option<&SecretSource>,
    root: &Path,
    variable: &str,
    credential: &str,
) -> Result<Option<Secret>, SecretError> {
    let variable = std::env::var(variable).ok();
    let credentials = credentials().filter(|_| variable.is_none());
    match config::credential(credentials.as_deref(), credential)? {
        Some(secret) => Ok(Some(secret)),
        None => config::secret(source, root, variable),
    }
}

/// Names what hands the relay's password over from outside, if anything does.
pub(super) fn handed_over() -> Option<String> {
    if std::env::var_os(PASSWORD).is_some() {
        return Some(format!("the variable {PASSWORD}"));
    }
    let file = credentials()?.join(CREDENTIAL);
    file.exists().then(|| format!("the credential {CREDENTIAL}"))
}

const CREDENTIAL: &str = "relay-password";

/// Returns the folder in which systemd hands secrets over.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Reads the keys that sign links out of a private folder, or systemd's credential `key`; `None` where there are none.
pub(super) fn keys_in(folder: &Path) -> Result<Option<KeyRing>, Failure> {
    let path = credentials().map(|folder| folder.join("key")).filter(|path| path.is_file());
    let path = path.unwrap_or_else(|| folder.join("key"));
    let text = match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => text,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(&path, "read", &error)),
    };
    text.parse().map(Some).map_err(|error| {
        Failure::new(exit::CONFIG, format!("failed to read `{}`: {error}", path.display()))
    })
}

pub(super) fn mistakes(problems: Vec<Problem>) -> Failure {
    let count = counted(problems.len() as u64, "mistake");
    Failure::problems(exit::CONFIG, format!("publication.toml has {count}"), problems)
}

/// Finds the issue of this slug, or the only one whose slug holds the name; refuses a name that fits several.
pub(super) fn fitting<'a, T>(
    name: &str,
    issues: &'a [T],
    slug: impl Fn(&T) -> &str,
) -> Result<Option<&'a T>, Failure> {
    if let Some(issue) = issues.iter().find(|issue| slug(issue) == name) {
        return Ok(Some(issue));
    }
    let is_part = |issue: &&T| !name.is_empty() && slug(issue).contains(name);
    let mut matches: Vec<&T> = issues.iter().filter(is_part).collect();
    let Some(last) = matches.pop() else { return Ok(None) };
    if matches.is_empty() {
        return Ok(Some(last));
    }
    let names: Vec<&str> = matches.iter().map(|issue| slug(issue)).collect();
    let why = format!("`{name}` could be {} or {}", names.join(", "), slug(last));
    Err(Failure::new(exit::NO_INPUT, why).hint("say more of the folder's name"))
}

/// Tells whether a path is an issue's folder.
fn is_issue(path: &Path) -> bool {
    path.join("issue.md").is_file()
}

/// Returns the issue that a mistaken name was probably meant for, its date left out or not.
fn near<'a>(name: &str, issues: &'a [IssueFolder]) -> Option<&'a IssueFolder> {
    let undated = |slug: &'a str| match slug.split_at_checked(11) {
        Some((date, rest)) if date.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => slug,
    };
    let known = issues.iter().flat_map(|issue| [issue.slug.as_str(), undated(&issue.slug)]);
    let word = compose::nearest(name, known)?;
    issues.iter().find(|issue| issue.slug.ends_with(word))
}

/// Returns the time to go by: `--now`, else the clock's.
pub(super) fn clock(global: &Global) -> Result<Timestamp, Failure> {
    match &global.now {
        None => Ok(Timestamp::now()),
        Some(text) => text.parse().map_err(|_| {
            Failure::new(exit::USAGE, format!("`--now {text}` is not a time"))
                .hint("write it as 2026-11-30T07:00:00Z")
        }),
    }
}

/// Writes a file that only its owner may read, in one step: whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = PrivateFile::create(path)?;
    file.write_all(bytes).map_err(|error| Failure::file(path, "write", &error))?;
    file.keep()
}

/// A file that only its owner may read, while it is written; gone if it is not kept.
pub(super) struct PrivateFile {
    file: fs::File,
    path: PathBuf,
    /// Where it is until it is whole; `None` for a device or a pipe, which is written to and never replaced.
    beside: Option<PathBuf>,
}

impl PrivateFile {
    /// Begins the file of this path.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::file(path, "write", &error);
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let file = fs::File::options().write(true).open(path).map_err(failed)?;
            return Ok(Self { file, path: path.to_owned(), beside: None });
        }
        // A name nobody else has, so that a file of the reader's own is never written over.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let begin = || {
            let mut options = fs::File::options();
            let file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            Ok(file)
        };
        let file = begin().map_err(failed)?;
        Ok(Self { file, path: path.to_owned(), beside: Some(beside) })
    }

    /// Puts it where it belongs, durably.
    pub(super) fn keep(self) -> Result<(), Failure> {
        let Some(beside) = &self.beside else { return Ok(()) };
        let kept = self.file.sync_all().and_then(|()| fs::rename(beside, &self.path));
        kept.map_err(|error| Failure::file(&self.path, "write", &error))
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // Where it was kept nothing is there any more.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Refuses a key that others on this machine can read: with it anybody can make links that unsubscribe readers.
fn owners_alone(path: &Path) -> Result<(), Failure> {
    let metadata = path.metadata().map_err(|error| Failure::file(path, "read", &error))?;
    let mode = metadata.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(());
    }
    let shown = words::path(path);
    let why = format!("the key `{shown}` can be read by others (its mode is {mode:03o})");
    Err(Failure::new(exit::CONFIG, why).hint(format!("`chmod 600 {shown}` makes it yours alone")))
}

fn key_is_gone() -> Failure {
    Failure::new(exit::CONFIG, "the key that signs unsubscribe links, `.postrider/key`, is gone")
        .hint("copy it from the machine that sends, or restore it from a backup: a new one would end the links of every issue sent so far")
        .hint("if it is lost for good, `touch .postrider/key` begins a new one")
}

/// Returns bytes nobody can guess, for a key.
pub(super) fn random_bytes() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(exit::BUG, format!("the system gives no random bytes: {error}"))
    })?;
    Ok(bytes)
}

fn make_key(path: &Path) -> Result<String, Failure> {
    let text = KeyRing::fresh(&random_bytes()?).to_lines();
    write_private(path, text.as_bytes())?;
    Ok(text)
}
