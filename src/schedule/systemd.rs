//! The service and the timer that run `due` under systemd, in systemd.unit(5)'s grammar.

use std::path::Path;

use super::{PathError, printable};

/// What the units run, as whom, on what.
#[derive(Clone, Debug)]
pub struct Service<'a> {
    /// The program, absolute.
    pub binary: &'a Path,
    /// The publication's folder, absolute.
    pub publication: &'a Path,
    /// The publication's id, for the units' names.
    pub id: &'a str,
    /// Its title, for people.
    pub title: &'a str,
    /// The number of the user who owns the folder; `None` for root.
    pub user: Option<u32>,
    /// The file of the relay's password, absolute, where there is one.
    pub password_file: Option<&'a Path>,
}

/// A file for systemd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, as `postrider-tt-report.timer`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Writes the service and the timer.
///
/// The service may write nothing but the publication's folder (systemd.exec(5),
/// `ProtectSystem=strict`), gets the relay's password as the credential
/// `relay-password`, and ends well with 75 too: not finished is what the next
/// run is for. Its stop waits for the messages on the wire, whose relay may take
/// ten minutes for its answer (RFC 5321, section 4.5.3.2.6).
///
/// # Errors
///
/// Names the path that cannot stand there.
pub fn units(service: &Service) -> Result<[Unit; 2], PathError> {
    let name = format!("postrider-{}", service.id);
    let title = verbatim(service.title);
    let binary = command_word(printable(service.binary)?);
    let folder = printable(service.publication)?;
    let user = match service.user {
        Some(user) => format!("User={user}\n"),
        None => String::new(),
    };
    let credential = match service.password_file {
        // Everything after the colon is the path, blanks and all.
        Some(file) => {
            format!("LoadCredential=relay-password:{}\n", percent(printable(file)?))
        }
        None => String::new(),
    };
    let text = format!(
        "\
[Unit]
Description=Sends what is due of {title}
Documentation=man:postrider-due(1)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={binary} -C {folder_of_command} due
# 75: not finished, and the next run goes on.
SuccessExitStatus=75
{user}UMask=0077
{credential}
# What is on the wire is waited for: a relay may take ten minutes for its answer, and 14 where the publication says so.
TimeoutStopSec=15min

# It writes its publication and nothing else.
ProtectSystem=strict
ReadWritePaths={folder}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
",
        folder_of_command = command_word(folder),
        folder = word(folder),
    );
    let timer = format!(
        "\
[Unit]
Description=Looks every five minutes whether an issue of {title} is due

[Timer]
OnCalendar=*:0/5
# What fell into the time the machine was off is looked at when it is on again; `max_late` decides.
Persistent=yes
AccuracySec=10s

[Install]
WantedBy=timers.target
"
    );
    Ok([
        Unit { name: format!("{name}.service"), text },
        Unit { name: format!("{name}.timer"), text: timer },
    ])
}

/// Keeps `%` from being taken for a specifier.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// Writes a sentence that systemd shows as it is.
fn verbatim(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A backslash at the end would join the next line.
    percent(line.trim_end_matches('\\'))
}

/// Writes one word of a list.
fn word(text: &str) -> String {
    let text = percent(text);
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c)) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// Writes one word of a command line, where variables are replaced besides.
fn command_word(text: &str) -> String {
    word(text).replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service<'a>(publication: &'a str, password: Option<&'a str>) -> Service<'a> {
        Service {
            binary: Path::new("/usr/bin/postrider"),
            publication: Path::new(publication),
            id: "tt-report",
            title: "TT Business Intelligence Report",
            user: Some(1000),
            password_file: password.map(Path::new),
        }
    }

    fn text(service: &Service) -> String {
        let [unit, _] = units(service).unwrap_or_else(|error| panic!("{error}"));
        unit.text
    }

    #[test]
    fn odd_signs_of_a_path_are_neither_blanks_nor_specifiers_nor_variables() {
        for (path, command, list) in [
            ("/srv/tt", "-C /srv/tt due", "ReadWritePaths=/srv/tt\n"),
            ("/srv/50% off", "-C \"/srv/50%% off\" due", "ReadWritePaths=\"/srv/50%% off\"\n"),
            ("/srv/$HOME", "-C \"/srv/$$HOME\" due", "ReadWritePaths=\"/srv/$HOME\"\n"),
            ("/srv/a\"b", r#"-C "/srv/a\"b" due"#, "ReadWritePaths=\"/srv/a\\\"b\"\n"),
            (r"/srv/a\b", r#"-C "/srv/a\\b" due"#, "ReadWritePaths=\"/srv/a\\\\b\"\n"),
        ] {
            let text = text(&service(path, None));
            assert!(text.contains(command), "{path}: {text}");
            assert!(text.contains(list), "{path}: {text}");
        }
    }

    #[test]
    fn a_password_file_is_handed_over_as_a_credential() {
        let text = text(&service("/srv/tt", Some("/srv/tt/the 5% secret")));
        assert!(
            text.contains("\nLoadCredential=relay-password:/srv/tt/the 5%% secret\n"),
            "{text}"
        );
    }

    #[test]
    fn a_title_cannot_become_a_line_of_its_own() {
        let mut service = service("/srv/tt", None);
        service.title = "A\nExecStart=/bin/false\\";
        assert!(!text(&service).contains("\nExecStart=/bin/false"));
        service.publication = Path::new("/srv/a\nb");
        assert_eq!(units(&service), Err(PathError::Unwritable("/srv/a\nb".into())));
    }
}
