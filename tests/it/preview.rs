//! `preview` as an editor meets it, and as a stranger's page in the same browser does: over its socket, and in Chromium.

pub(crate) mod chromium;
mod command;
mod page;
mod refusals;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
};

use crate::command::env::{Env, ISSUE};
use crate::http::{self, Answer};

/// A publication whose preview runs, until it is dropped.
struct Running {
    env: Env,
    child: Child,
    /// `127.0.0.1:PORT`.
    host: String,
}

impl Running {
    fn start(env: Env) -> Self {
        Self::start_with(env, "--listen 127.0.0.1:0")
    }

    fn start_with(env: Env, options: &str) -> Self {
        let line = format!("preview {options} --json --now 2003-10-06T06:00:00Z");
        let mut child = env
            .command(&line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let said: serde_json::Value = serde_json::from_str(&line).expect("it says so in JSON");
        let url = said["url"].as_str().expect("a URL");
        let rest = url.strip_prefix("http://").expect("it is plain HTTP");
        let host = rest.split('/').next().unwrap_or_default().to_owned();
        Self { env, child, host }
    }

    fn get(&self, path: &str) -> Answer {
        http::ask(&self.host, &format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host), "")
    }

    /// Gets a page that is there.
    #[track_caller]
    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Stops it, and returns what it had said on stderr.
    fn stop(mut self) -> String {
        self.child.kill().expect("it was running");
        let mut said = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds a page against its snapshot, without what differs from run to run; a tag a line.
#[track_caller]
fn shows(running: &Running, name: &str, path: &str) {
    let mut page = running.page(path);
    for (before, after) in [
        ("name=\"token\" value=\"", "\""),
        ("data-version=\"", "-"),
        ("/mail?v=", "\""),
        ("class=\"used\" width=\"", "\""),
        ("<strong class=\"under\">", "<"),
        ("The whole message is ", "<"),
    ] {
        if let Some((head, rest)) = page.split_once(before) {
            let (_, rest) = rest.split_once(after).expect(before);
            page = format!("{head}{before}[...]{after}{rest}");
        }
    }
    let page = page.replace("><", ">\n<");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("it__preview__{name}"), page);
    });
}

/// Returns the path of the sample issue's page, and of what is below it.
fn issue(below: &str) -> String {
    format!("/issues/{ISSUE}{below}")
}

/// Returns the file of the sample issue's draft.
fn draft() -> String {
    format!("issues/{ISSUE}/issue.md")
}

impl Env {
    /// Changes a piece of the sample issue's draft.
    #[track_caller]
    fn edit(&self, from: &str, to: &str) {
        let text = self.read(&draft());
        assert!(text.contains(from), "the draft has no {from:?}");
        self.write(&draft(), &text.replacen(from, to, 1));
    }
}
