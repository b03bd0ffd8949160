//! Debian's own cron, every minute: one scheduled issue goes out, once, from an empty environment.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{command::env::Env, skip::skipped};

/// Ends a process with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn cron_sends_a_scheduled_issue_once_and_is_silent_the_next_minute() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !is_root || !std::path::Path::new("/usr/sbin/cron").exists() {
        return skipped("a real cron, which needs root and Debian's cron");
    }
    let env = Env::publication();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    let soon = soon.strftime("%Y-%m-%dT%H:%M:%S[UTC]");
    env.postrider(&format!("schedule kazakhstan --at '{soon}'")).code(0);
    let line = env.postrider("schedule --cron-line").code(0).out;
    let line = line.lines().last().expect("a line").to_owned();
    let every_minute = line.strip_prefix("*/5 ").expect("every five minutes");
    let said = env.root.join("said");
    let ran = env.root.join("ran");
    env.write(
        "crontab",
        &format!(
            "* {every_minute} >>{} 2>&1; echo $? >>{}\n",
            said.to_str().expect("UTF-8"),
            ran.to_str().expect("UTF-8")
        ),
    );
    let cron = Command::new("sh")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/cron"))
        .arg(env.root.join("crontab"))
        .stdin(Stdio::null())
        .spawn();
    let mut cron = Running(cron.expect("sh is there"));
    let patience = Instant::now() + Duration::from_mins(4);
    let runs = || fs::read_to_string(&ran).unwrap_or_default();
    // Cron itself counts the minutes: nothing makes it hurry.
    while runs().lines().count() < 2 {
        assert!(cron.0.try_wait().expect("it is ours").is_none(), "cron ended");
        assert!(Instant::now() < patience, "cron ran nothing twice: {:?}", env.read("crontab"));
        thread::sleep(Duration::from_millis(200));
    }
    drop(cron);
    assert_eq!(runs(), "0\n0\n", "{}", env.read("said"));
    assert_eq!(env.read("said").matches("is finished").count(), 1, "{}", env.read("said"));
    assert_eq!(env.mails().len(), 3);
}
