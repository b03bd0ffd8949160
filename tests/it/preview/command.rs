//! The command around the page: where it may listen, what it prints, how it ends.

use std::{net::TcpListener, process::Command};

use super::{Running, issue};
use crate::command::env::Env;

#[test]
fn it_listens_on_this_machine_alone() {
    let env = Env::publication();
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0", "[2001:db8::1]:80", "0:0"] {
        env.postrider(&format!("preview --listen {address}")).code(2).tells("--listen");
    }
    env.postrider("preview --listen 0.0.0.0:0")
        .code(2)
        .tells("it listens on 127.0.0.1 or [::1] only");
    env.postrider("preview --listen example.org:80").code(2).tells("is not an address with a port");
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let env = Env::publication();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one");
    env.postrider(&format!("preview --listen {address}")).code(69).tells("failed to listen on");
}

#[test]
fn what_is_not_there_is_said_before_anything_listens() {
    let env = Env::publication();
    env.postrider("preview nothing --listen 127.0.0.1:0")
        .code(66)
        .tells("there is no issue `nothing`");
    Env::empty().postrider("preview").code(66).tells("there is no publication.toml");
}

#[test]
fn it_ends_at_once_and_well_when_it_is_told_to() {
    for signal in ["INT", "TERM"] {
        let mut running =
            Running::start_with(Env::publication(), "kazakhstan --listen 127.0.0.1:0");
        assert_eq!(running.get(&issue("")).status, 200);
        let id = running.child.id().to_string();
        let killed = Command::new("kill").args(["-s", signal, &id]).status().expect("kill runs");
        assert!(killed.success());
        assert_eq!(running.child.wait().expect("it ends").code(), Some(0), "{signal}");
    }
}

#[test]
fn every_port_of_loopback_will_do() {
    for listen in ["localhost:0", ":0", "0", "[::1]:0"] {
        let running = Running::start_with(Env::publication(), &format!("--listen {listen}"));
        assert_eq!(running.get("/").status, 303, "{listen}: {}", running.host);
    }
}
