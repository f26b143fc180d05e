//! Asking the person at the terminal: yes or no, an address, a secret.

use crate::{failure::Failure, options::Yes};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use std::{
    fs::File,
    io::{self, BufRead, IsTerminal, Read, Write},
};
use zeroize::Zeroizing;

/// Longest secret that is read, in bytes.
const LONGEST: u64 = 64 * 1024;
/// Longest file that is typed.
const LONGEST_FILE: usize = 16 * 1024;
/// What a terminal sends for Ctrl-C.
const CTRL_C: u8 = 3;

/// Goes on only if the person says yes; without a terminal, only if `--yes` was given.
pub(crate) fn sure(what: &str, yes: Yes) -> Result<(), Failure> {
    if yes.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(format!("{what} Nobody is here to ask: say --yes.")));
    }
    let answer = line(&format!("{what} [y/N] "))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::Usage("nothing was done.".to_owned()))
}

/// One line from the terminal.
pub(crate) fn line(prompt: &str) -> Result<String, Failure> {
    tell(prompt);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| broken(&error))?;
    Ok(answer.trim().to_owned())
}

/// A secret: from standard input where that is a pipe, else from the terminal without echo. Never from arguments,
/// which every process of the machine can read.
pub(crate) fn secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        text = hidden(prompt).map_err(|error| broken(&error))?;
        if text.starts_with('{') && !is_whole(text.as_bytes()) {
            return Err(Failure::Usage(
                "this file did not come whole: give it on standard input, as in `chela key add < key.json`"
                    .to_owned(),
            ));
        }
    } else {
        io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(|error| broken(&error))?;
    }
    let text = Zeroizing::new(text.trim().to_owned());
    if text.is_empty() {
        return Err(Failure::Usage(
            "nothing was given: it is read from standard input, or asked for on a terminal".to_owned(),
        ));
    }
    // A service account's file: its line breaks are between words.
    if text.starts_with('{') {
        return Ok(Zeroizing::new(text.lines().collect()));
    }
    if text.lines().count() > 1 {
        return Err(Failure::Usage("one line is wanted on standard input, several came".to_owned()));
    }
    Ok(text)
}

fn hidden(prompt: &str) -> io::Result<Zeroizing<String>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON);
    tell(prompt);
    // Ctrl-C must not leave a terminal that shows nothing: as long as this lasts it is a letter that ends the line.
    silent.local_modes.remove(LocalModes::ISIG);
    silent.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let read = typed(&terminal);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    let bytes = read?;
    if bytes.contains(&CTRL_C) {
        return Err(io::Error::other("cancelled"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_other| io::Error::other("this is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// One line, or what came before Ctrl-C.
fn typed(mut terminal: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let mut piece = Zeroizing::new([0u8; 1024]);
    while bytes.len() < most(&bytes) && !is_whole(&bytes) {
        match terminal.read(piece.as_mut())? {
            0 => break,
            read => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    Ok(bytes)
}

/// A line; a file has many, and what is left of it must not reach the shell.
fn most(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"{") { LONGEST_FILE } else { 4096 }
}

/// Whether what was typed is at its end: with its line, or, where it is a file, with its last brace.
fn is_whole(bytes: &[u8]) -> bool {
    let cancelled = bytes.contains(&CTRL_C);
    let ended = bytes.contains(&b'\n');
    let is_file = bytes.starts_with(b"{");
    cancelled
        || (!is_file && ended)
        || (is_file && serde_json::from_slice::<serde_json::Value>(bytes).is_ok())
}

fn tell(prompt: &str) {
    let mut to = io::stderr().lock();
    _ = write!(to, "{prompt}");
    _ = to.flush();
}

fn broken(error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot read what you typed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn a_key_ends_with_its_line_and_a_file_with_its_last_brace() {
        assert!(!is_whole(b"sk-x") && is_whole(b"sk-x\n"));
        assert!(!is_whole(b"{\n \"a\": \"}\",\n") && is_whole(b"{\n \"a\": \"}\"\n}"));
        assert!(is_whole(b"{\n\x03"), "cancelled");
    }
}
