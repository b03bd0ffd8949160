//! How the program gets onto a machine: what can be said of the image and the package without making them.
//!
//! `tests/run` has them read by hadolint and made by cargo-deb, and installs the package: `tests/rig/deb`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use postrider::schedule;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(name)).expect("it is in the repository")
}

#[test]
fn what_the_image_copies_is_let_in_and_is_all_that_a_build_reads() {
    let allowed = text(".dockerignore");
    let context = tempfile::tempdir().expect("a folder can be made");
    for line in text("Dockerfile").lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        let to = words.pop().expect("a COPY ends with its place");
        if words.iter().any(|word| word.starts_with("--from")) {
            continue;
        }
        for from in words {
            assert!(allowed.lines().any(|line| line == format!("!{from}")), "{from} stays outside");
            let to = if to == "./" { from } else { to };
            copy(&root().join(from), &context.path().join(to));
        }
    }
    assert!(context.path().join(".cargo/config.toml").exists(), "SQLite's settings stay outside");
    // Cargo reads the manifest with every file that it names.
    let read = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"])
        .current_dir(context.path())
        .output()
        .expect("cargo runs");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let mut included = 0;
    for source in sources(&context.path().join("src")) {
        let code = fs::read_to_string(&source).expect("a source can be read");
        let built = code.split("#[cfg(test)]").next().unwrap_or_default();
        let names = built.split("include_str!(\"").chain(built.split("include_bytes!(\"")).skip(1);
        for name in names.filter(|rest| rest.starts_with("../")) {
            let name = name.split('"').next().unwrap_or_default();
            let file = source.parent().expect("it is in a folder").join(name);
            assert!(file.exists(), "{}: {name} is not copied", source.display());
            included += 1;
        }
    }
    assert!(included > 5, "{included} files are built in");
}

#[test]
fn the_services_of_the_package_may_do_no_more_than_those_the_program_writes() {
    let [service, _] = schedule::units(&schedule::Service {
        binary: Path::new("/usr/bin/postrider"),
        publication: Path::new("/srv/tt-report"),
        id: "tt-report",
        title: "TT report",
        user: Some(1000),
        password_file: None,
    })
    .expect("the paths can be written");
    let (_, walls) = service.text.split_once("ProtectSystem").expect("it is closed");
    let walls = walls.lines().skip(1).filter(|line| !line.starts_with("ReadWrite"));
    let walls: Vec<&str> = walls.map(|line| line.split('=').next().unwrap_or_default()).collect();
    for name in ["postrider-due@", "postrider-web@", "postrider-worker"] {
        let unit = text(format!("packaging/systemd/{name}.service"));
        assert!(unit.contains("ProtectSystem=strict"), "{name}");
        for wall in &walls {
            let asked = service.text.lines().find(|line| line.starts_with(&format!("{wall}=")));
            let stricter = *wall == "ProtectHome" && unit.contains("ProtectHome=yes");
            let same = asked.is_some_and(|asked| unit.lines().any(|line| line == asked));
            assert!(same || stricter, "{name}: {asked:?}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder can be made");
        for entry in fs::read_dir(from).expect("it can be read").flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("a file can be copied");
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be read").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => sources(&path),
            path if path.extension().is_some_and(|ending| ending == "rs") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}
