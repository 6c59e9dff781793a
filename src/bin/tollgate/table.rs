//! A CSV that is kept as it is, row by row, with the answer's columns behind its own.
//!
//! The grammar is that of the `csv` crate, with a row ending at `\n` (a `\r` in front of it belongs to
//! the end): a field that begins with a quote goes on to the quote that closes it, two quotes inside are
//! one, and a quote anywhere else is a character like any other. `csv-core` hands over what fields mean;
//! what is needed here is where they stand, since all that is not the answer is passed on byte for byte,
//! and where a stream may be cut. So it is read by hand, and a test compares the two.

use crate::record::{KEYS, append_csv};
use crate::stream::Cut;
use anyhow::{anyhow, bail};
use std::ops::Range;

/// The longest row; an open quote would otherwise make one of all that follows.
pub(crate) const MAX_ROW: usize = 1 << 18;

/// Delimiters that are looked for where none is given, as in list files.
const DELIMITERS: [u8; 3] = *b",;\t";

/// How the header is to be read.
pub(crate) struct Options<'o> {
    /// The name or the position, from 1, of the column that is screened.
    pub(crate) column: &'o str,
    pub(crate) delimiter: Option<u8>,
    /// What stands in front of the names of the answer's columns.
    pub(crate) prefix: &'o str,
}

/// How the rows are read.
pub(crate) struct Table {
    pub(crate) delimiter: u8,
    /// The header's, for a last row without one.
    pub(crate) line_end: &'static [u8],
    /// Which column is screened, from 0.
    column: usize,
    columns: usize,
}

/// Where a row ends, and where the field stands that is screened.
pub(crate) struct Row {
    /// Without the line's end.
    pub(crate) body: usize,
    pub(crate) len: usize,
    pub(crate) field: Range<usize>,
}

impl Table {
    /// Makes something of the header, once enough of the input is there: the table, the answer's
    /// header, how many bytes were the header, and where the rest is cut.
    #[expect(clippy::type_complexity, reason = "it is what `Input::begin` asks for")]
    pub(crate) fn begin(
        input: &[u8],
        is_all: bool,
        options: &Options<'_>,
    ) -> anyhow::Result<Option<((Table, Vec<u8>), usize, Cut)>> {
        if input.is_empty() && is_all {
            bail!("standard input is empty; --column reads a CSV whose first line names its columns");
        }
        if let Some(what) = no_csv(input) {
            bail!("standard input is {what}");
        }
        if !is_all && !input.contains(&b'\n') && input.len() <= MAX_ROW {
            return Ok(None);
        }
        let bom = if input.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let given = options.delimiter.map(|delimiter| [delimiter]);
        let delimiters = given.as_ref().map_or(&DELIMITERS[..], |given| &given[..]);
        let headers: Vec<Header> = delimiters.iter().filter_map(|&d| Header::read(&input[bom..], d, is_all)).collect();
        // The one that splits the header most often, of those with which it has the column.
        let mut best: Option<(&Header, usize)> = None;
        let mut twice = None;
        for header in &headers {
            match header.find(options.column) {
                Ok(Some(column)) if best.is_none_or(|(other, _)| header.names.len() > other.names.len()) => {
                    best = Some((header, column));
                }
                Ok(_) => {}
                Err(error) => twice = Some(error),
            }
        }
        if best.is_none() && headers.len() < delimiters.len() && !is_all && input.len() <= MAX_ROW {
            return Ok(None); // a quoted name that goes on
        }
        let Some((header, column)) = best else {
            if let Some(error) = twice {
                return Err(error);
            }
            let Some(header) = headers.iter().max_by_key(|header| header.names.len()) else {
                bail!("standard input, line 1: {}", if is_all { unclosed() } else { endless() });
            };
            bail!(
                "standard input, line 1: there is no column {:?}; the columns are {}. Name one of them, or its \
                 position from 1, with --column, and what separates them with --delimiter",
                options.column,
                header.shown()
            );
        };
        header.expect_none_of_ours(options.prefix)?;
        let mut head = input[..bom + header.body].to_vec();
        for key in &KEYS[1..] {
            head.push(header.delimiter);
            append_csv(&mut head, format!("{}{key}", options.prefix).as_bytes(), header.delimiter);
        }
        let line_end: &[u8] = if input[bom + header.body..].starts_with(b"\r\n") { b"\r\n" } else { b"\n" };
        head.extend_from_slice(line_end);
        let table = Table { delimiter: header.delimiter, line_end, column, columns: header.names.len() };
        Ok(Some(((table, head), bom + header.len, Cut::Rows { delimiter: header.delimiter })))
    }

    /// The first row of whole rows, of which the last need not have a line end; what is wrong with it.
    pub(crate) fn row(&self, bytes: &[u8]) -> Result<Row, String> {
        let mut field = 0..0;
        let mut fields = 0;
        let ends = fields_of(bytes, self.delimiter, |at| {
            if fields == self.column {
                field = at;
            }
            fields += 1;
        });
        let Some((body, len)) = ends else { return Err(unclosed()) };
        // Rows of other lengths would push the answer below columns that are not its own.
        if fields != self.columns && body > 0 {
            let has = |n: usize| format!("{n} {}", if n == 1 { "field" } else { "fields" });
            return Err(format!(
                "this row has {}, the header has {}; the rows before it are answered. Mend the row (is a quote missing, \
                 or is {:?} not what separates the fields? --delimiter says so)",
                has(fields),
                has(self.columns),
                char::from(self.delimiter)
            ));
        }
        Ok(Row { body, len, field })
    }
}

/// A header, as one delimiter splits it.
struct Header {
    delimiter: u8,
    names: Vec<String>,
    body: usize,
    len: usize,
}

impl Header {
    /// `None` where it does not end here.
    fn read(bytes: &[u8], delimiter: u8, is_all: bool) -> Option<Header> {
        let mut names = Vec::new();
        let mut unquoted = Vec::new();
        let (body, len) = fields_of(bytes, delimiter, |at| {
            let name = value(&bytes[at], &mut unquoted);
            names.push(String::from_utf8_lossy(name).trim().to_owned());
        })?;
        let is_whole = is_all || bytes[..len].ends_with(b"\n");
        is_whole.then_some(Header { delimiter, names, body, len })
    }

    /// The column of a name, in any case, or else at a position.
    fn find(&self, column: &str) -> anyhow::Result<Option<usize>> {
        let wanted = column.trim().to_lowercase();
        let mut found = (0..self.names.len()).filter(|&i| self.names[i].to_lowercase() == wanted);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(anyhow!(
                "standard input, line 1: two columns are called {column:?}; give the position of the one that is meant, \
                 from 1, with --column"
            )),
            (Some(column), None) => Ok(Some(column)),
            _ => Ok(wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|&n| n < self.names.len())),
        }
    }

    fn expect_none_of_ours(&self, prefix: &str) -> anyhow::Result<()> {
        for key in &KEYS[1..] {
            let ours = format!("{prefix}{key}");
            if self.names.iter().any(|name| name.to_lowercase() == ours.to_lowercase()) {
                bail!(
                    "standard input, line 1: there is a column {ours:?} already; let the answer's columns have other \
                     names, such as tollgate_{key} with --prefix tollgate_"
                );
            }
        }
        Ok(())
    }

    fn shown(&self) -> String {
        const SHOWN: usize = 20;
        let names: Vec<String> = self.names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
        let more = if self.names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }
}

/// What it is that begins like this, if it cannot be a CSV.
fn no_csv(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16; convert it to UTF-8"),
        [0x1f, 0x8b, ..] => Some("compressed with gzip; send it through gunzip first"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("compressed with zstd; send it through unzstd first"),
        _ => None,
    }
}

fn unclosed() -> String {
    "a quote is opened in this row and never closed; close it, or double it where it is meant as it stands".to_owned()
}

pub(crate) fn endless() -> String {
    format!("the row that begins here is longer than {MAX_ROW} bytes; is a quote opened and never closed?")
}

/// Behind the last row that ends in `bytes`, which begin with a row; the last line end is at `last`.
pub(crate) fn last_end(bytes: &[u8], last: usize, delimiter: u8) -> Option<usize> {
    // Without quotes every line end is a row's.
    if !bytes[..last].contains(&b'"') {
        return Some(last);
    }
    let mut end = 0;
    while end < last {
        match fields_of(&bytes[end..last], delimiter, |_| {}) {
            Some((_, len)) => end += len,
            None => break,
        }
    }
    (end > 0).then_some(end)
}

/// Hands over where the fields of the first row stand, quotes and all. Where the row ends, without and
/// with its line end; `None` where a quote is not closed.
fn fields_of(bytes: &[u8], delimiter: u8, mut each: impl FnMut(Range<usize>)) -> Option<(usize, usize)> {
    let mut start = 0;
    loop {
        let mut at = start;
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at += bytes[at..].iter().position(|&b| b == b'"')? + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        }
        let found = bytes[at..].iter().position(|&b| b == delimiter || b == b'\n');
        let end = at + found.unwrap_or(bytes.len() - at);
        if found.is_some() && bytes[end] == delimiter {
            each(start..end);
            start = end + 1;
            continue;
        }
        let body = if end > at && bytes[end - 1] == b'\r' { end - 1 } else { end };
        each(start..body);
        return Some((body, end + usize::from(found.is_some())));
    }
}

/// What a field means: without its quotes, in `unquoted` where it has some.
pub(crate) fn value<'v>(field: &'v [u8], unquoted: &'v mut Vec<u8>) -> &'v [u8] {
    let [b'"', rest @ ..] = field else { return field };
    unquoted.clear();
    let mut rest = rest;
    while let Some(quote) = rest.iter().position(|&b| b == b'"') {
        unquoted.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        if let [b'"', after @ ..] = rest {
            unquoted.push(b'"');
            rest = after;
        } else {
            // What stands behind the closing quote is as it is.
            break;
        }
    }
    unquoted.extend_from_slice(rest);
    unquoted
}

/// `--delimiter`.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" | b"\t" => Ok(b'\t'),
        [byte @ (b',' | b';' | b':' | b'|' | b'^' | b'~')] => Ok(*byte),
        _ => Err("give one of , ; : | ^ ~ or the word tab".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the rows mean, each with how many bytes it takes; up to a quote that is not closed.
    fn rows(bytes: &[u8], delimiter: u8) -> Vec<(usize, Vec<Vec<u8>>)> {
        let mut rows = Vec::new();
        let mut rest = bytes;
        let mut unquoted = Vec::new();
        while !rest.is_empty() {
            let mut fields = Vec::new();
            let Some((body, len)) =
                fields_of(rest, delimiter, |at| fields.push(value(&rest[at], &mut unquoted).to_vec()))
            else {
                break;
            };
            assert!(body <= len && len > 0);
            rows.push((len, if body == 0 { Vec::new() } else { fields }));
            rest = &rest[len..];
        }
        rows
    }

    fn csv_like() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(&b"\"\"\",;\n\n\ra1"[..]), 0..60)
    }

    proptest! {
        #[test]
        fn rows_mean_what_the_csv_crate_reads(bytes in csv_like()) {
            // To the crate, a line of a carriage return alone is a field.
            let mut text = String::from_utf8(bytes).unwrap();
            while let Some(at) = format!("\n{text}\n").find("\n\r\n") {
                text.remove(at);
            }
            let bytes = text.as_bytes();
            let ours = rows(bytes, b',');
            let mut reader = csv::ReaderBuilder::new();
            reader.has_headers(false).flexible(true).terminator(csv::Terminator::Any(b'\n'));
            let mut theirs = reader.from_reader(bytes).into_byte_records();
            let mut at = 0;
            for (len, fields) in &ours {
                let row = &bytes[at..at + len];
                at += len;
                if fields.is_empty() {
                    continue;
                }
                let record = theirs.next().unwrap().unwrap();
                let mut record: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
                // And one at the end of a row belongs to the last field.
                let end = row.strip_suffix(b"\n").unwrap_or(row);
                if end.ends_with(b"\r") && record.last().is_some_and(|last| last.ends_with(b"\r")) {
                    record.last_mut().unwrap().pop();
                }
                prop_assert_eq!(&record, fields);
            }
            // What is left is a row whose quote is not closed.
            prop_assert!(theirs.count() <= usize::from(at < bytes.len()));
        }

        #[test]
        fn a_cut_falls_between_rows(bytes in csv_like(), at in 0usize..60) {
            let cut = at.min(bytes.len());
            let Some(last) = bytes[..cut].iter().rposition(|&b| b == b'\n') else { return Ok(()) };
            let whole = rows(&bytes, b';');
            let mut ends = Vec::new();
            for (len, _) in &whole {
                ends.push(ends.last().copied().unwrap_or(0) + len);
            }
            let wanted = ends.into_iter().rfind(|&end| end <= last + 1 && bytes[end - 1] == b'\n');
            prop_assert_eq!(last_end(&bytes, last + 1, b';'), wanted);
        }
    }
}
