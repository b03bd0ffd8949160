//! A server that dies, and another that takes its place: no outcome is forgotten, and nothing begins on a server that may
//! not be written to.

use super::{
    Schema,
    crew::{List, until},
    server::Server,
};

#[test]
fn a_server_that_may_not_be_written_to_is_refused_and_says_so() {
    let Some(schema) = Schema::new() else { return };
    let url = format!("{}%20-cdefault_transaction_read_only%3Don", schema.url());
    let list = List::new(&url, 3, "\"300/s\"", "");
    for line in ["plan kazakhstan", "send kazakhstan --yes", "due", "worker --until-idle"] {
        let said = list.env.postrider(line).code(69);
        said.tells("it takes no writes here: its `default_transaction_read_only` is on");
    }
    assert_eq!(list.relay.accepted(), 0);
}

#[test]
fn workers_go_on_where_a_standby_takes_the_place_of_their_server() {
    let Some(mut primary) = Server::start() else { return };
    let list = List::new(&primary.url, 1_200, "\"300/s\"", "");
    list.begin();
    let standby = primary.standby();
    let reading = List::new(&standby.url, 3, "\"300/s\"", "");
    reading.env.postrider("status").code(69).tells("it is a read-only standby: name the primary");

    let crew = list.hire(2);
    until("they send", || list.relay.accepted() >= 300);
    primary.fail_over(&standby);
    // Every message that the relay took is in a journal or on the standby: whoever began it waited for that.
    until("they go on with the other one", || list.relay.accepted() >= 700);
    until("all are accounted for", || list.is_finished());
    crew.dismiss();
    let balance = list.balance();
    assert_eq!(balance.count("accepted"), 1_200, "{}", balance.account);
}
