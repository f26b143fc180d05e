//! Comma-separated files as spreadsheets write and read them.

use std::borrow::Cow;

/// What a spreadsheet would take for a formula.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A record, and the line it begins in; the first one is 1.
pub(crate) type Record = (u32, Vec<String>);

/// A cell that is never a formula; [`records`] reads it back as it was.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let formula = is_formula(text);
    if !formula && !text.contains(['"', ',', '\r', '\n', ';', '\'']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\"")))
}

/// A formula, or a text that would be read back as one without its mark.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// All records that are not empty.
///
/// # Errors
/// The line in which a quotation begins that never ends.
pub(crate) fn records(file: &str) -> Result<Vec<Record>, u32> {
    let mut all = Vec::new();
    let mut line = 1;
    let (mut begun, mut cells, mut text) = (1, Vec::new(), String::new());
    let mut quoted = None;
    let mut rest = file.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = rest.next() {
        line += u32::from(c == '\n');
        match c {
            '"' if quoted.is_some() && rest.next_if_eq(&'"').is_some() => text.push('"'),
            '"' if quoted.is_some() => quoted = None,
            '"' if text.trim().is_empty() => {
                text.clear();
                quoted = Some(line);
            }
            ',' if quoted.is_none() => cells.push(plain(&std::mem::take(&mut text))),
            '\n' if quoted.is_none() => {
                cells.push(plain(&std::mem::take(&mut text)));
                keep(&mut all, begun, std::mem::take(&mut cells));
                begun = line;
            }
            c => text.push(c),
        }
    }
    cells.push(plain(&text));
    keep(&mut all, begun, cells);
    quoted.map_or(Ok(all), Err)
}

fn keep(all: &mut Vec<Record>, line: u32, cells: Vec<String>) {
    if cells.iter().any(|cell| !cell.is_empty()) {
        all.push((line, cells));
    }
}

/// Without the mark that kept it from being a formula.
fn plain(text: &str) -> String {
    let text = text.trim();
    let bare = text.strip_prefix('\'').filter(|bare| is_formula(bare));
    bare.unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was_and_no_cell_is_a_formula() {
        let cells = ["@cf/meta/llama", "a,b", "say \"x\"", "=1+1", "'=1", "it's", "plain", ""];
        let file = cells.map(|text| cell(text).into_owned()).join(",");
        assert!(file.starts_with("\"'@cf/meta/llama\""), "{file}");
        assert_eq!(records(&file), Ok(vec![(1, cells.map(str::to_owned).to_vec())]));
    }

    #[test]
    fn no_cell_is_a_formula_and_each_stays_one_cell() {
        assert_eq!(cell("gpt-5"), "gpt-5");
        assert_eq!(cell("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        for bad in ["+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert!(cell(bad).starts_with("\"'"), "{bad:?}");
        }
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("a\nb"), "\"a\nb\"");
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let file = "\u{feff}a,b\r\n\r\n\"x\ny\",2\n , \n3\n";
        let read = records(file).expect("a file");
        let lines: Vec<_> = read.iter().map(|(line, cells)| (*line, cells.len())).collect();
        assert_eq!(lines, [(1, 2), (3, 2), (6, 1)]);
        assert_eq!(records("a\n\"b"), Err(2));
        assert_eq!(records(""), Ok(Vec::new()));
    }
}
