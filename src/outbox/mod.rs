//! The built-in relay: a loopback SMTP server that keeps what it takes in a Maildir.
