//! `web`: the public pages, for as long as it runs; `archive`: the same as files.

use std::{
    fs,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Console, Failure, confirmation,
    confirmation::Letterbox,
    ears::Ears,
    exit,
    newsroom::{Newsroom, secret_of, strings},
    pages::{self, Missing},
    returned::Clerk,
};
use crate::{
    cli::{Global, Web},
    compose::KeyRing,
    config,
    ledger::{Ledger, LedgerError},
    model::{Secret, SecretSource},
    send::Stop,
    web::{
        Door,
        site::{self, Https, Memory, Post, Site, Webhooks, Words},
    },
};

/// Where the pages are served when nobody says.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8643);

/// Where health and metrics are.
const USUAL_HEALTH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8644);

/// How often the keys and the ledger are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Runs `web`.
pub(super) async fn run(console: &Console, global: &Global, wish: &Web) -> Result<u8, Failure> {
    let listen = wish.listen.as_deref().map(address).transpose()?.unwrap_or(USUAL);
    let health = wish.health.as_deref().map(address).transpose()?.unwrap_or(USUAL_HEALTH);
    let newsroom = Newsroom::open(global)?;
    let words = words(&newsroom)?;
    let composed = confirmation::compose(&newsroom, &words)?;
    let ledger = newsroom.ledger()?;
    let (letterbox, asked) = Letterbox::new();
    let (renewed, keys) = watch::channel(Arc::new(newsroom.keys_for(&*ledger).await?));
    let base = newsroom.publication.web.clone().ok_or_else(|| {
        Failure::new(exit::CONFIG, "publication.toml does not say where the pages are reached")
            .hint("add `[web]` and `url = \"https://news.example.org\"`: every link in mails and pages begins with it")
    })?;
    let site = open(&newsroom, &base, words, keys, Arc::clone(&ledger), Arc::new(letterbox))?;
    let site = Arc::new(site);
    let ears = Ears::open();
    let doors = [door(listen, "--listen").await?, door(health, "--health").await?];
    let [public, inner] = doors;
    let (at, inner_at) = (public.address(), inner.address());
    if console.json {
        console.document(&serde_json::json!({
            "url": base,
            "listen": at.to_string(),
            "health": inner_at.to_string(),
        }));
    } else {
        console.tell(format_args!("{base} is served at {at}; health and metrics at {inner_at}"));
    }
    for Missing { key, url, file } in pages::missing(&newsroom) {
        console.warn(format_args!(
            "every mail leads to {url} ([links] {key}), and there is no {file}"
        ));
    }
    console.note("Ctrl-C stops it");
    console.flush();
    let pages = async {
        tokio::join!(
            site::serve(Arc::clone(&site), public, stopped(&ears)),
            site::serve_health(Arc::clone(&site), inner, stopped(&ears)),
        );
    };
    tokio::select! {
        () = pages => Ok(exit::DONE),
        () = confirmation::send(console, &newsroom, ledger.as_ref(), &composed, asked) => {
            Ok(exit::DONE)
        }
        closed = follow(&newsroom, &*ledger, &renewed) => Err(closed.into()),
    }
}

/// Runs `archive`.
pub(super) async fn archive(
    console: &Console,
    global: &Global,
    folder: &Path,
) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    let words = words(&newsroom)?;
    let ledger = newsroom.ledger()?;
    let (_, keys) = watch::channel(Arc::new(newsroom.keys_for(&*ledger).await?));
    let base = archive_base(&newsroom)?;
    let site = open(&newsroom, &base, words, keys, ledger, Arc::new(Nobody))?;
    if folder.join(config::FILE_NAME).exists() {
        let why = format!("`{}` holds a publication", folder.display());
        return Err(Failure::new(exit::GUARD, why).hint("name a folder for the archive alone"));
    }
    let site::Files { files, withdrawn } = site::files(&site).await?;
    let mut removed = 0_usize;
    for path in withdrawn {
        removed += usize::from(take_away(&folder.join(path))?);
    }
    let mut written = 0_usize;
    for file in &files {
        let path = folder.join(&file.path);
        if fs::read(&path).is_ok_and(|there| there == file.bytes) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file(parent, "make", &error))?;
        }
        fs::write(&path, &file.bytes).map_err(|error| Failure::file(&path, "write", &error))?;
        written += 1;
    }
    if console.json {
        console.document(&serde_json::json!({
            "folder": folder,
            "files": files.len(),
            "written": written,
            "removed": removed,
        }));
    } else {
        let taken = if removed == 0 { String::new() } else { format!("; {removed} taken away") };
        console.tell(format_args!(
            "{} files in {}, {written} of them new or changed{taken}",
            files.len(),
            folder.display()
        ));
    }
    Ok(exit::DONE)
}

/// Takes a file away that an earlier run wrote, with its folder where nothing else lies in it; and says whether there was one.
fn take_away(file: &Path) -> Result<bool, Failure> {
    match fs::remove_file(file) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Failure::file(file, "remove", &error)),
    }
    for folder in file.ancestors().skip(1).take(2) {
        // Of a folder in which something lies this fails, and that is meant.
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(true)
}

/// Reads the keys anew, so that whoever renews them restarts nothing. Ends when the ledger has moved: nothing that a reader says would be kept in it.
async fn follow(
    newsroom: &Newsroom,
    ledger: &dyn Ledger,
    renewed: &watch::Sender<Arc<KeyRing>>,
) -> LedgerError {
    loop {
        tokio::time::sleep(LOOK).await;
        // One that is busy or away for a while is told to each reader who asks.
        if let Ok(standing) = ledger.standing().await
            && let Err(closed) = standing.refuse(&newsroom.publication.ledger.url.to_string())
        {
            return closed;
        }
        // One that cannot be read just now is no reason to forget the one we have.
        let text = fs::read_to_string(newsroom.root.join(".postrider/key")).unwrap_or_default();
        if let Ok(keys) = text.parse::<KeyRing>() {
            renewed.send_if_modified(|known| {
                let is_new = known.to_lines() != keys.to_lines();
                if is_new {
                    *known = Arc::new(keys);
                }
                is_new
            });
        }
    }
}

/// Says where the files will be reached: where the pages are served, else where `[links] archive` says that issues lie.
fn archive_base(newsroom: &Newsroom) -> Result<String, Failure> {
    let publication = &newsroom.publication;
    let archive = publication.links.archive.as_deref();
    let base = archive.and_then(|archive| archive.strip_suffix("/issues"));
    publication.web.clone().or_else(|| base.map(str::to_owned)).ok_or_else(|| {
        Failure::new(exit::CONFIG, "publication.toml does not say where the archive is reached")
            .hint("under [links] write `archive = \"https://www.example.org/report/issues\"`: issues lie below it, the feed and the rest beside it")
    })
}

/// Asks nobody: files have no form.
struct Nobody;

impl Post for Nobody {
    fn take(&self, _: site::Asked) -> bool {
        false
    }
}

fn open(
    newsroom: &Newsroom,
    base: &str,
    words: Words,
    keys: watch::Receiver<Arc<KeyRing>>,
    ledger: Arc<dyn Ledger>,
    post: Arc<dyn Post>,
) -> Result<Site, Failure> {
    let publication = newsroom.publication.clone();
    let theme = newsroom.theme(&publication.theme)?;
    let language = &publication.language;
    let own = newsroom.own_strings(language)?;
    let strings = strings(language, own.as_ref()).map_err(|problems| {
        let why = format!("the words around issues in `{language}` cannot be used");
        Failure::problems(exit::CONFIG, why, problems)
    })?;
    let webhooks = webhooks(newsroom, keys.clone(), Arc::clone(&ledger))?;
    Ok(Site {
        base: base.to_owned(),
        theme,
        words,
        pages: pages::read(newsroom)?,
        strings,
        keys,
        ledger,
        post,
        webhooks,
        publication,
        memory: Memory::default(),
    })
}

/// Fetches what the providers prove themselves by.
fn webhooks(
    newsroom: &Newsroom,
    keys: watch::Receiver<Arc<KeyRing>>,
    ledger: Arc<dyn Ledger>,
) -> Result<Webhooks, Failure> {
    let settings = &newsroom.publication.webhooks;
    let secret = |source: &Option<SecretSource>, variable, credential| {
        secret_of(source.as_ref(), &newsroom.root, variable, credential).map_err(|error| {
            Failure::new(exit::CONFIG, error.to_string())
                .hint("it is looked for where [web.webhooks] in publication.toml says")
        })
    };
    let secrets: [Option<Secret>; 2] = [
        secret(&settings.mailgun_key, "POSTRIDER_MAILGUN_KEY", "mailgun-key")?,
        secret(&settings.postmark_password, "POSTRIDER_POSTMARK_PASSWORD", "postmark-password")?,
    ];
    let [mailgun_key, postmark_password] = secrets;
    let clerk = Clerk {
        publication: newsroom.publication.id.clone(),
        keys: Box::new(move || Arc::clone(&keys.borrow())),
        ledger: Some(ledger),
        rehearse: false,
        source: "a webhook".to_owned(),
    };
    Ok(Webhooks {
        ses_topic: settings.ses_topic.clone(),
        mailgun_key,
        postmark_password,
        clerk: Arc::new(clerk),
        fetch: Arc::new(Https::default()),
        certificates: site::Certificates::default(),
        tokens: site::Tokens::default(),
    })
}

fn words(newsroom: &Newsroom) -> Result<Words, Failure> {
    let publication = &newsroom.publication;
    let name = format!("templates/site/{}.toml", publication.language);
    let own = match fs::read_to_string(newsroom.root.join(&name)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::file(Path::new(&name), "read", &error)),
    };
    Words::load(&publication.language, own.as_deref(), &publication.title)
        .map_err(|why| Failure::new(exit::CONFIG, format!("{name} cannot be used: {why}")))
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::new(exit::USAGE, format!("`{text}` is not an address with a port"))
            .hint("write it as 127.0.0.1:8643, or 0.0.0.0:8643 for whoever can reach this machine")
    })
}

async fn door(address: SocketAddr, option: &str) -> Result<Door, Failure> {
    Door::open_to_all(address).await.map_err(|error| {
        Failure::new(exit::UNREACHABLE, format!("failed to listen on {address}: {error}"))
            .hint(format!("name another with `{option} ADDR:PORT`; port 0 takes a free one"))
    })
}

async fn stopped(ears: &Ears) {
    let mut stop = ears.stopped.clone();
    // Where nobody listens for signals any more, nothing stops it but its end.
    if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
        std::future::pending::<()>().await;
    }
}
