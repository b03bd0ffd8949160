//! `doctor` as people meet it: the report, the JSON, the exit codes.

use super::{env::Env, shows};
use crate::doctor::nameserver::NameServer;

/// The report of a publication at this zone, without the port.
fn report(env: &Env, server: &NameServer, line: &str) -> String {
    let asked = server.address.to_string();
    let said = env.postrider(&format!("doctor --resolver {asked} {line}"));
    said.shown().replace(&asked, "[resolver]")
}

#[test]
fn a_report_says_how_each_stands_and_what_to_publish() {
    let env = Env::publication().relay("smtps://report@smtp.gmail.com");
    let server = NameServer::serving(
        "example.org TXT v=spf1 mx ~all
         example.org MX 10 mail.example.org
         mail.example.org A 8.8.8.8
         _dmarc.example.org TXT v=DMARC1; p=none; pct=100",
    );
    shows("doctor_wrong", &report(&env, &server, ""));
    shows("doctor_json", &report(&env, &server, "--json"));
}

#[test]
fn a_sender_without_any_record_is_told_all_of_them() {
    let env = Env::publication().relay("smtp://203.0.113.9");
    env.set("[relay]", "[dkim]\ndomain = \"example.org\"\nkeys = [{ selector = \"r1\", file = \"r1.pem\" }]\n\n[relay]");
    env.write("r1.pem", include_str!("../../fixtures/dkim/rsa.pem"));
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(env.root.join("r1.pem"), mode).expect("it can be closed");
    shows("doctor_nothing", &report(&env, &NameServer::serving(""), ""));
}

#[test]
fn the_exit_code_says_whether_all_is_well_something_is_wrong_or_nobody_is_there() {
    let env = Env::publication().relay("smtps://report@smtp.gmail.com");
    let well = NameServer::serving(
        "example.org TXT v=spf1 include:_spf.google.com ~all
         _spf.google.com TXT v=spf1 ip4:8.8.8.0/24 ~all
         _dmarc.example.org TXT v=DMARC1; p=none; rua=mailto:a@example.org
         example.org MX 10 mail.example.org
         mail.example.org A 8.8.8.8",
    );
    env.postrider(&format!("doctor --resolver {}", well.address)).code(0);
    let wrong = NameServer::serving("");
    env.postrider(&format!("doctor --resolver {}", wrong.address)).code(1);
    env.postrider("doctor --resolver 127.0.0.1:9").code(69).tells("nobody");
    env.postrider("doctor --resolver nowhere").code(2);
}
