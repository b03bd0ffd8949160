//! `keys`: makes the keys that sign mail, shows what the DNS has to say of them, and renews the one that signs links.

mod unsubscribe;

use std::{
    path::Path,
    process::{self, Stdio},
};

use serde_json::{Value, json};

use super::{
    Console, Failure, exit,
    newsroom::{Newsroom, random_bytes, write_private},
};
use crate::{
    cli::{Global, KeyKind, KeysVerb},
    compose::{Algorithm, DkimKey, is_selector},
    config,
    doctor::strings,
    model::{DkimKeyFile, DkimSettings, Place},
};

/// A key, and by what name the DNS knows it.
struct Named {
    selector: String,
    /// As `publication.toml` would name it.
    file: String,
    key: DkimKey,
}

/// Runs the command.
pub(super) async fn run(console: &Console, global: &Global, verb: KeysVerb) -> Result<u8, Failure> {
    let newsroom = Newsroom::open(global)?;
    match verb {
        KeysVerb::New { kind: KeyKind::Unsubscribe, ed25519, rsa, .. } => {
            if ed25519 || rsa {
                let why = "--ed25519 and --rsa are for keys that sign mail: `keys new dkim`";
                return Err(Failure::new(exit::USAGE, why));
            }
            unsubscribe::renew(console, &newsroom).await?;
        }
        KeysVerb::New { kind: KeyKind::Dkim, ed25519, rsa, selector } => {
            let algorithms = match (ed25519, rsa) {
                (true, _) => vec![Algorithm::Ed25519],
                (_, true) => vec![Algorithm::Rsa],
                _ => vec![Algorithm::Ed25519, Algorithm::Rsa],
            };
            let keys = make(&newsroom, &algorithms, selector.as_deref())?;
            for Named { file, .. } in &keys {
                console.tell(format_args!("{file} holds a new key: back it up, show it to nobody"));
            }
            console.tell("");
            show(console, &newsroom, &keys);
        }
        KeysVerb::Show { file: Some(file), selector } => {
            let selector = checked(&selector.unwrap_or_default())?;
            show(console, &newsroom, &[read(&newsroom, &file, selector)?]);
        }
        KeysVerb::Show { file: None, .. } => {
            let keys = configured(&newsroom)?;
            if keys.is_empty() {
                return Err(Failure::new(
                    exit::NO_INPUT,
                    "publication.toml names no keys to sign with",
                )
                .hint("`postrider keys new` makes some, and says what to do with them"));
            }
            show(console, &newsroom, &keys);
        }
    }
    Ok(exit::DONE)
}

/// Makes a key file for each algorithm, or none.
fn make(
    newsroom: &Newsroom,
    algorithms: &[Algorithm],
    selector: Option<&str>,
) -> Result<Vec<Named>, Failure> {
    let folder = newsroom.private()?;
    let mut made = Vec::new();
    for algorithm in algorithms {
        let initial = if *algorithm == Algorithm::Rsa { 'r' } else { 'e' };
        let usual = format!("{initial}{}", newsroom.now.strftime("%Y"));
        let selector = checked(selector.unwrap_or(&usual))?;
        let name = format!("dkim-{selector}.pem");
        let file = format!(".postrider/{name}");
        if folder.join(&name).exists() {
            return Err(Failure::new(exit::GUARD, format!("there is a key `{file}` already"))
                .hint("a key in use is replaced by one with another selector: `postrider keys new --rsa --selector NAME`"));
        }
        let pem = match algorithm {
            Algorithm::Ed25519 => DkimKey::ed25519_pem(&random_bytes()?),
            Algorithm::Rsa => rsa_pem()?,
        };
        let key = DkimKey::from_pem(pem.as_bytes())
            .map_err(|error| Failure::new(exit::BUG, format!("what was made as a key {error}")))?;
        made.push((folder.join(name), pem, Named { selector, file, key }));
    }
    made.into_iter()
        .map(|(path, pem, named)| write_private(&path, pem.as_bytes()).map(|()| named))
        .collect()
}

/// Makes an RSA key by OpenSSL: the one program for it that everybody has and many have looked at.
fn rsa_pem() -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::new(exit::NO_INPUT, format!("openssl, which makes RSA keys, failed: {why}"))
            .hint("install OpenSSL; or `--ed25519` makes a key without it, which not every receiver knows")
    };
    let output = process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(error.to_string()))
}

/// Reads a key file that no configuration need name.
fn read(newsroom: &Newsroom, file: &Path, selector: String) -> Result<Named, Failure> {
    let path = std::path::absolute(file).map_err(|error| Failure::file(file, "find", &error))?;
    let inside = path.strip_prefix(&newsroom.root).unwrap_or(&path).display().to_string();
    let place = Place::file(inside.clone());
    let settings = DkimSettings {
        domain: String::new(),
        keys: vec![DkimKeyFile { selector, file: inside.clone(), place }],
        unsigned: Vec::new(),
    };
    let mut keys = config::dkim_keys(&settings, &newsroom.root)
        .map_err(|problems| Failure::problems(exit::CONFIG, "that key cannot sign", problems))?;
    let (selector, key) = keys.pop().ok_or_else(|| Failure::new(exit::BUG, "a key got lost"))?;
    Ok(Named { selector, file: inside, key })
}

/// Reads the keys that `publication.toml` names.
fn configured(newsroom: &Newsroom) -> Result<Vec<Named>, Failure> {
    let files = newsroom.publication.dkim.iter().flat_map(|settings| &settings.keys);
    let keys = newsroom.dkim_keys()?;
    Ok(files
        .zip(keys)
        .map(|(file, (selector, key))| Named { selector, file: file.file.clone(), key })
        .collect())
}

fn checked(selector: &str) -> Result<String, Failure> {
    if is_selector(selector) {
        return Ok(selector.to_ascii_lowercase());
    }
    Err(Failure::new(exit::USAGE, format!("`{selector}` is no selector"))
        .hint("use letters, digits and hyphens between them, such as `e2026`"))
}

/// Shows the records to publish and, for keys that are not in use yet, how to use them.
fn show(console: &Console, newsroom: &Newsroom, keys: &[Named]) {
    let publication = &newsroom.publication;
    let settings = publication.dkim.as_ref();
    let domain = settings.map_or(publication.sender.from.address.domain(), |known| &known.domain);
    let is_known = |named: &Named| {
        settings.is_some_and(|known| known.keys.iter().any(|key| key.selector == named.selector))
    };
    if console.json {
        let keys: Vec<Value> = keys.iter().map(|named| document(domain, named)).collect();
        console.document(&json!({ "domain": domain, "keys": keys }));
        return;
    }
    console.tell(format_args!("The DNS of {domain} has to hold:"));
    for named in keys {
        let strings: Vec<String> =
            strings(&named.key.record()).map(|one| format!("\"{one}\"")).collect();
        console.say(format_args!("{}. IN TXT {}", name(domain, named), strings.join(" ")));
    }
    let new: Vec<&Named> = keys.iter().filter(|named| !is_known(named)).collect();
    if new.is_empty() {
        return;
    }
    console.tell("");
    if settings.is_some() {
        console.tell_sentence("Once it does, name the new key in `keys` under [dkim] in publication.toml, in place of the one it follows:");
    } else {
        console.tell("Once it does, add to publication.toml:");
        console.tell(format_args!("  [dkim]\n  domain = \"{domain}\"\n  keys = ["));
    }
    for Named { selector, file, .. } in new {
        console.tell(format_args!("    {{ selector = \"{selector}\", file = \"{file}\" }},"));
    }
    if settings.is_none() {
        console.tell("  ]");
    }
}

fn document(domain: &str, named: &Named) -> Value {
    let record = named.key.record();
    json!({
        "selector": named.selector,
        "algorithm": named.key.algorithm().to_string(),
        "file": named.file,
        "name": name(domain, named),
        "type": "TXT",
        "text": record,
        "strings": strings(&record).collect::<Vec<_>>(),
    })
}

/// Returns the record's name (RFC 6376 section 3.6.2.1).
fn name(domain: &str, named: &Named) -> String {
    format!("{}._domainkey.{domain}", named.selector)
}
