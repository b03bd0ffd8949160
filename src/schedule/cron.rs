//! The line of a crontab that runs `due`, in crontab(5)'s grammar.

use std::path::Path;

use super::{PathError, printable};

/// Returns a comment and the line that sends what is due every five minutes, each with its line end.
///
/// # Errors
///
/// Names the path that cannot stand there.
pub fn cron_line(binary: &Path, publication: &Path) -> Result<String, PathError> {
    let (binary, folder) = (shell_word(binary)?, shell_word(publication)?);
    Ok(format!(
        "# sends what is due, resumes what is unfinished, and is silent otherwise\n\
         */5 * * * * {binary} -C {folder} due\n"
    ))
}

/// Writes a path so that cron hands it to the shell, and the shell to the program, as it is.
fn shell_word(path: &Path) -> Result<String, PathError> {
    let text = printable(path)?;
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
        assert_eq!(cron_line(relative, good), Err(PathError::Relative(relative.into())));
        assert_eq!(cron_line(good, torn), Err(PathError::Unwritable(torn.into())));
    }
}
