//! The line of a crontab that runs `due`, in crontab(5)'s grammar.

use std::path::{Path, PathBuf};

use crate::model::is_control;

/// Says why a path cannot stand in a crontab.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Cron starts in some other folder.
    #[error("the path `{}` is not absolute", .0.display())]
    Relative(PathBuf),
    /// Not UTF-8, or a line end or another control character in it.
    #[error("the path `{}` cannot be written on one line", .0.display())]
    Unwritable(PathBuf),
}

/// Returns a comment and the line that sends what is due every five minutes, each with its line end.
///
/// # Errors
///
/// Names the path that cannot stand there.
pub fn cron_line(binary: &Path, publication: &Path) -> Result<String, CronError> {
    let (binary, folder) = (shell_word(binary)?, shell_word(publication)?);
    Ok(format!(
        "# sends what is due, resumes what is unfinished, and is silent otherwise\n\
         */5 * * * * {binary} -C {folder} due\n"
    ))
}

/// Writes a path so that cron hands it to the shell, and the shell to the program, as it is.
fn shell_word(path: &Path) -> Result<String, CronError> {
    if !path.is_absolute() {
        return Err(CronError::Relative(path.to_owned()));
    }
    let text = path.to_str().filter(|text| !text.contains(is_control));
    let text = text.ok_or_else(|| CronError::Unwritable(path.to_owned()))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    let word = if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        // A backslash before `%` would end cron's escape too early, so the quotation is opened anew between them.
        format!("'{}'", text.replace('\'', r"'\''").replace(r"\%", r"\''%"))
    };
    // Unescaped, cron takes the first `%` for the end of the line (crontab(5)).
    Ok(word.replace('%', r"\%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(binary: &str, publication: &str) -> String {
        let text = cron_line(Path::new(binary), Path::new(publication));
        let text = text.unwrap_or_else(|error| panic!("{error}"));
        let (comment, line) = text.split_once('\n').expect("two lines");
        assert!(comment.starts_with("# "));
        line.to_owned()
    }

    #[test]
    fn plain_paths_stand_as_they_are() {
        assert_eq!(
            line("/usr/local/bin/postrider", "/srv/tt-report"),
            "*/5 * * * * /usr/local/bin/postrider -C /srv/tt-report due\n"
        );
    }

    #[test]
    fn odd_signs_are_quoted_and_every_percent_sign_is_escaped() {
        for (path, written) in [
            ("/srv/50%", r"/srv/50\%"),
            ("/srv/TT Report", "'/srv/TT Report'"),
            ("/srv/Anna's 5%", r"'/srv/Anna'\''s 5\%'"),
            (r"/srv/a\%b", r"'/srv/a\''\%b'"),
            ("/srv/$HOME;`x`", "'/srv/$HOME;`x`'"),
            ("/srv/zoë", "'/srv/zoë'"),
        ] {
            assert_eq!(line("/p", path), format!("*/5 * * * * /p -C {written} due\n"));
        }
    }

    #[test]
    fn a_path_that_cron_could_not_follow_is_refused() {
        let (good, relative, torn) =
            (Path::new("/p"), Path::new("p"), Path::new("/a\n* * * * * x"));
        assert_eq!(cron_line(relative, good), Err(CronError::Relative(relative.into())));
        assert_eq!(cron_line(good, torn), Err(CronError::Unwritable(torn.into())));
    }
}
