//! Opening the ledger's file: for its owner alone, on a disk of this machine, with every commit on that disk before it returns.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, backup::Backup, config::DbConfig};

use super::{fault::Fault, migrate};
use crate::ledger::LedgerError;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// File systems whose locks and shared memory do not reach the other machine, as `/proc/mounts` names them.
const NETWORK: [&str; 17] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "beegfs",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.s3fs",
    "fuse.rclone",
    "fuse.davfs",
];

/// A ledger's file, open.
pub(super) struct Opened {
    /// The only one that writes. Its commits are in the log, and on the disk once `log` is synced.
    pub(super) writer: Connection,
    /// Reads without waiting for it.
    pub(super) reader: Connection,
    /// The write-ahead log.
    pub(super) log: File,
}

/// Opens the file at `path`, made where there is none.
pub(super) fn open(path: &Path) -> Result<Opened, LedgerError> {
    let place = path.display().to_string();
    prepare(path).map_err(|error| match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => LedgerError::Disk(format!("{place}: {error}")),
        _ => LedgerError::Unreachable { place: place.clone(), why: error.to_string() },
    })?;
    connect(path, &place).map_err(|fault| at_the_door(without_files(fault), place))
}

/// Opens an empty ledger that is gone with its connection.
pub(super) fn open_for_a_while() -> Result<Connection, LedgerError> {
    let connect = || -> Result<Connection, Fault> {
        // Without a name it is a file that has none, and only for what the cache cannot hold.
        let mut connection = Connection::open("")?;
        settle(&connection, 6_000)?;
        migrate::migrate(&mut connection, "for a while")?;
        Ok(connection)
    };
    connect().map_err(LedgerError::from)
}

/// Opens a copy of the file at `path` that is gone with its connection, where nothing can be written beside the file for this reason.
pub(super) fn open_a_copy(path: &Path, why: Barred) -> Result<Connection, LedgerError> {
    let place = path.display().to_string();
    let copy = || -> Result<Connection, Fault> {
        let source = match why {
            Barred::Kept => open_to_read(path)?,
            Barred::Full => open_alone(path)?,
        };
        migrate::version(&source, &place)?;
        let mut copy = Connection::open("")?;
        Backup::new(&source, &mut copy)?.run_to_completion(10_000, Duration::ZERO, None)?;
        settle(&copy, 6_000)?;
        migrate::migrate(&mut copy, &place)?;
        Ok(copy)
    };
    copy().map_err(|fault| at_the_door(fault, place.clone()))
}

/// Opens the file without writing anything beside it.
///
/// SQLite makes an index beside a file that keeps a log, unless it is told
/// that nobody changes the file; that is so where nobody can, and true to the
/// end of the log where there is none.
fn open_to_read(path: &Path) -> Result<Connection, Fault> {
    let name = path.to_str().ok_or_else(|| {
        LedgerError::Refused(format!("the path `{}` is not UTF-8", path.display()))
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = fs::metadata(format!("{name}-wal"));
    if log.is_ok_and(|log| log.len() > 0) {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        return Ok(connection);
    }
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}?immutable=1");
    Ok(Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?)
}

/// Opens the file where beside it is no room for the index of its log.
///
/// Whoever has the file alone keeps that index in memory (SQLite's "WAL
/// without shared memory"), and others wait meanwhile. It is ours to have: an
/// index that another program uses would be there, and need no room.
fn open_alone(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // What stands in the log would go into the file, which may have to grow for it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    Ok(connection)
}

/// Why nothing can be written into a ledger's file or beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// This program may not.
    Kept,
    /// There is no room.
    Full,
}

/// Looks why this program could not write into the file at `path` or beside it; `None` where it could.
pub(super) fn barred(path: &Path) -> Option<Barred> {
    let beside = path.with_extension(format!("probe-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
    let made = made.and_then(|mut probe| {
        let written = probe.write_all(&vec![0; INDEX]);
        // It says nothing, and its name is nobody's.
        let _ = fs::remove_file(&beside);
        written
    });
    let made = made.and_then(|()| OpenOptions::new().write(true).open(path).map(drop));
    match made.err()?.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Some(Barred::Kept),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(Barred::Full)
        }
        _ => None,
    }
}

/// How many bytes the smallest index of a log takes.
const INDEX: usize = 32 << 10;

/// Copies the whole ledger to a new file, for its owner alone, over the connection that reads.
pub(super) fn backup(connection: &Connection, to: &Path) -> Result<(), LedgerError> {
    let name = to
        .to_str()
        .ok_or_else(|| LedgerError::Refused(format!("the path `{}` is not UTF-8", to.display())))?;
    let failed = |error: io::Error| LedgerError::Disk(format!("{}: {error}", to.display()));
    must_be_new(to)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let copied = vacuum(connection, name)
        .map_err(LedgerError::from)
        // SQLite leaves the copy to the page cache.
        .and_then(|()| OpenOptions::new().read(true).open(to).map_err(failed))
        .and_then(|copy| copy.sync_all().map_err(failed));
    if copied.is_err() {
        // The reason it failed matters more than what is left of it.
        let _ = std::fs::remove_file(to);
    }
    copied
}

/// Refuses to write over anything.
pub(super) fn must_be_new(path: &Path) -> Result<(), LedgerError> {
    let why = || format!("{} is there already: name a file that is not", path.display());
    if path.exists() { Err(LedgerError::Refused(why())) } else { Ok(()) }
}

fn vacuum(connection: &Connection, to: &str) -> Result<(), Fault> {
    // SQLite counts the copy as a change, though this database has none.
    connection.pragma_update(None, "query_only", false)?;
    let copied = connection.execute("VACUUM INTO ?1", [to]);
    connection.pragma_update(None, "query_only", true)?;
    copied?;
    Ok(())
}

/// Makes the folder and the file, before SQLite would with the umask's modes; `-wal` and `-shm` take after the file.
fn prepare(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if let Some(kind) = network(&folder.canonicalize()?) {
        return Err(io::Error::other(format!(
            "it lies on a network file system ({kind}), where no lock can be trusted"
        )));
    }
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn connect(path: &Path, place: &str) -> Result<Opened, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = Connection::open_with_flags(path, flags)?;
    writer.busy_timeout(PATIENCE)?;
    // Nothing of another program's database is touched.
    patiently(|| migrate::version(&writer, place))?;
    patiently(|| keep_a_journal(&writer))?;
    settle(&writer, 6_000)?;
    migrate::migrate(&mut writer, place)?;
    let reader = Connection::open_with_flags(path, flags)?;
    reader.busy_timeout(PATIENCE)?;
    settle(&reader, 1_000)?;
    reader.pragma_update(None, "query_only", true)?;
    let log = open_log(&writer)?;
    // From here on each commit is synced by who made it, when others may write already.
    writer.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(Opened { writer, reader, log })
}

/// Opens the log beside the file that SQLite has open; while a connection is, it stays the same file.
fn open_log(connection: &Connection) -> Result<File, Fault> {
    let log = format!("{}-wal", connection.path().unwrap_or_default());
    File::open(&log).map_err(|error| LedgerError::Refused(format!("{log}: {error}")).into())
}

fn keep_a_journal(connection: &Connection) -> Result<(), Fault> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    match mode.as_str() {
        "wal" => Ok(()),
        _ => Err(LedgerError::Refused(format!("its journal stays in mode `{mode}`")).into()),
    }
}

/// Sets a connection up, with a page cache of `kibibytes` at most: all the memory a list of any size takes.
fn settle(connection: &Connection, kibibytes: i32) -> Result<(), Fault> {
    connection.set_prepared_statement_cache_capacity(64);
    // Without it a cached statement whose plan might gain by other values is
    // compiled anew at every use: the cache clears the values between two.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Elsewhere than on Linux an fsync may stop at the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What an erased person was is overwritten where it stood.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(())
}

/// Tries again while another process makes the same new file: SQLite's own patience does not cover the change to WAL.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let end = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(Fault(LedgerError::Busy(_))) if Instant::now() < end => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Names the cause where the system let us open no more files, which SQLite does not tell.
fn without_files(fault: Fault) -> Fault {
    let opened: io::Result<Vec<File>> = (0..FILES).map(|_| File::open("/dev/null")).collect();
    match (fault, opened) {
        (Fault(LedgerError::Disk(_)), Err(error)) if error.raw_os_error().is_some() => {
            LedgerError::Refused(error.to_string()).into()
        }
        (fault, _) => fault,
    }
}

/// How many files an open ledger takes: each connection one, its log and its index, besides what follows the log.
const FILES: usize = 7;

/// While opening, what cannot be written or read cannot be reached; but a disk that is full or fails is just that.
fn at_the_door(fault: Fault, place: String) -> LedgerError {
    match fault.0 {
        LedgerError::Disk(why) if why.contains("disk") => {
            LedgerError::Disk(format!("{place}: {why}"))
        }
        LedgerError::Disk(why) | LedgerError::Refused(why) => {
            LedgerError::Unreachable { place, why }
        }
        LedgerError::Damaged(why) if !why.contains(&place) => {
            LedgerError::Damaged(format!("{place}: {why}"))
        }
        error => error,
    }
}

/// Returns the kind of network file system `folder` lies on, if any; where the system does not tell, none is assumed.
fn network(folder: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let kind = kind_of_mount(&mounts, folder)?;
    NETWORK.contains(&kind).then(|| kind.to_owned())
}

/// Finds the file system of the innermost mount that holds `folder`; of two at one place the later hides the earlier.
fn kind_of_mount<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((unescaped(words.next()?), words.next()?))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.components().count())
        .map(|(_, kind)| kind)
}

/// Mount points show space, tab, line end and backslash as three octal digits (fstab(5)).
fn unescaped(mount: &str) -> PathBuf {
    let plain = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    plain.iter().fold(mount.to_owned(), |text, (code, c)| text.replace(code, c)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_and_latest_mount_decides() {
        let mounts = "/dev/vda / ext4 rw 0 0\n\
                      nas:/home /home nfs4 rw 0 0\n\
                      /dev/vdb /home/ann ext4 rw 0 0\n\
                      me@nas: /home/ann/my\\040nas fuse.sshfs rw 0 0\n\
                      tmpfs /srv tmpfs rw 0 0\n\
                      //nas/srv /srv cifs rw 0 0\n";
        for (folder, kind) in [
            ("/", "ext4"),
            ("/homes", "ext4"),
            ("/home/bob", "nfs4"),
            ("/home/ann/tt", "ext4"),
            ("/home/ann/my nas/tt", "fuse.sshfs"),
            ("/srv/tt", "cifs"),
        ] {
            assert_eq!(kind_of_mount(mounts, Path::new(folder)), Some(kind), "{folder}");
        }
    }
}
