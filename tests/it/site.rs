//! `web` and `archive` as readers meet them, and as those do who are none: over the site's own socket.

mod amazon;
mod archive;
mod chromium;
mod fetch;
mod flood;
mod fronts;
mod hostile;
mod pages;
mod readers;
mod webhooks;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use mail_parser::MessageParser;

use crate::{
    command::env::Env,
    http::{self, Answer},
};

/// A publication with a site of its own.
fn publication() -> Env {
    let env = Env::publication();
    let text = env.read("publication.toml");
    env.write("publication.toml", &format!("{text}\n[web]\nurl = \"https://news.example.org\"\n"));
    env
}

/// A site that is served, until it is dropped.
pub(crate) struct Site {
    pub(crate) env: Env,
    child: Child,
    pub(crate) host: String,
    health: String,
}

impl Site {
    /// Serves a publication whose sample issue its readers have.
    fn start() -> Self {
        let env = publication();
        env.postrider("send kazakhstan --yes").code(0);
        Self::of(env)
    }

    pub(crate) fn of(env: Env) -> Self {
        let mut child = env
            .command("web --listen 127.0.0.1:0 --health 127.0.0.1:0 --json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let said: serde_json::Value = serde_json::from_str(&line).expect("it says so in JSON");
        let at = |key: &str| said[key].as_str().expect(key).to_owned();
        Self { host: at("listen"), health: at("health"), env, child }
    }

    fn get(&self, path: &str) -> Answer {
        http::ask(&self.host, &format!("GET {path} HTTP/1.1\r\nHost: news.example.org\r\n"), "")
    }

    /// Gets a page that is there.
    #[track_caller]
    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Sends a form as a page of the site does.
    fn send(&self, path: &str, form: &str) -> Answer {
        self.post(path, "Origin: https://news.example.org\r\n", form)
    }

    fn post(&self, path: &str, fields: &str, form: &str) -> Answer {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let head = format!("POST {path} HTTP/1.1\r\nHost: news.example.org\r\n{kind}{fields}");
        http::ask(&self.host, &head, form)
    }

    /// Returns what a reader is on the list.
    fn state(&self, address: &str) -> String {
        let listed = self.env.postrider("subscribers list --json").code(0).out;
        let readers = listed.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let found =
            readers.into_iter().find(|reader: &serde_json::Value| reader["address"] == address);
        found.map_or_else(
            || "unknown".to_owned(),
            |reader| reader["state"].as_str().expect("a state").to_owned(),
        )
    }

    /// Returns the path of a link below `folder` in the text of the last mail to an address.
    fn link(&self, address: &str, folder: &str) -> String {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(path) = self.env.mails().iter().find_map(|mail| link(mail, address, folder))
            {
                return path;
            }
            assert!(Instant::now() < until, "no mail to {address} with {folder}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as an operator does, and returns what it had said on stderr.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        let killed = std::process::Command::new("kill").arg(&pid).status();
        assert!(killed.expect("kill runs").success());
        assert!(self.child.wait().expect("it is ours").success());
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        said
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn link(mail: &str, address: &str, folder: &str) -> Option<String> {
    let mail = MessageParser::default().parse(mail.as_bytes())?;
    let to = mail.to()?.first()?.address()?;
    let text = mail.body_text(0).filter(|_| to == address)?;
    let before = format!("https://news.example.org{folder}");
    let at = text.find(&before)? + "https://news.example.org".len();
    text[at..].split_whitespace().next().map(str::to_owned)
}
