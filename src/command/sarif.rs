//! SARIF 2.1.0 (OASIS Standard, March 2020): what `check` found, for the tools that show problems beside the lines of a change.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::check::Found;
use crate::{
    check,
    compose::Code,
    model::{Place, Severity},
};

/// Returns a log of one run.
pub(super) fn log(found: &[Found]) -> Value {
    let rules: Vec<Value> = check::codes().map(rule).collect();
    let results: Vec<Value> = found.iter().map(result).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                "PUBLICATION": { "description": { "text": "The folder that holds publication.toml" } }
            },
            "results": results,
        }],
    })
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.code,
        "shortDescription": { "text": code.meaning },
        "fullDescription": { "text": format!("{} ({})", code.why, code.source) },
        "help": { "text": code.mend },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

fn result((problem, accepted): &Found) -> Value {
    let text = match &problem.help {
        Some(help) => format!("{}: {help}", problem.message),
        None => problem.message.clone(),
    };
    let mut result = json!({
        "ruleId": problem.code,
        "level": level(problem.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": location(&problem.place) }],
        // Section 3.27.23: where one result has them, all have.
        "suppressions": if *accepted { json!([{ "kind": "inSource" }]) } else { json!([]) },
    });
    // A code of publication.toml or of a list is not among the rules.
    if let Some(at) = check::codes().position(|code| code.code == problem.code) {
        result["ruleIndex"] = json!(at);
    }
    result
}

fn location(place: &Place) -> Value {
    let mut location =
        json!({ "artifactLocation": { "uri": uri(&place.file), "uriBaseId": "PUBLICATION" } });
    if place.line > 0 {
        let mut region = json!({ "startLine": place.line });
        if place.column > 0 {
            region["startColumn"] = json!(place.column);
            region["endColumn"] = json!(place.column + place.length);
        }
        location["region"] = region;
    }
    location
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Returns a path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
