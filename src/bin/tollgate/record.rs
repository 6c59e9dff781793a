//! One answer: as a line of text, of JSON and of CSV.
//!
//! The JSON keys, their order and their values are the command's contract; CSV has the same
//! columns. Text is for people and may change.
//!
//! Answers are appended to a buffer. A stream has millions of them, so what nearly every answer is
//! made of (digits, words that are known, names without anything to escape) is copied as it is and
//! allocates nothing; the rest goes the long way.

use crate::output::{self, printable};
use anstyle::Style;
use std::borrow::Cow;
use std::io::Write as _;
use tollgate::{Index, MatchOutcome, Number, NumberType, Query, Reason, Region, Rule, Verdict};

/// The keys of an answer, in order.
pub(crate) const KEYS: [&str; 11] =
    ["input", "e164", "region", "type", "action", "reason", "rule", "list", "matched", "profile", "would_block"];

/// A verdict and what it is about.
pub(crate) struct Record<'r> {
    dialled: &'r [u8],
    rule: RuleText,
    pub(crate) verdict: Verdict,
}

/// The part of a rule that decided, as far as a verdict tells it.
enum RuleText {
    None,
    Word(&'static str),
    Region(Region),
    /// The first digits of the verdict's number, as an entry.
    Digits {
        count: usize,
        is_prefix: bool,
    },
    Text(String),
}

impl<'r> Record<'r> {
    /// Screens what was dialled.
    #[inline]
    pub(crate) fn screen(index: &Index, query: &Query<'_>, dialled: &'r [u8]) -> Result<Record<'r>, tollgate::Error> {
        let verdict = index.screen_with(query, dialled)?;
        let rule = rule(index, query, dialled, &verdict);
        Ok(Record { dialled, rule, verdict })
    }

    /// The members of the JSON object, without its braces.
    pub(crate) fn append_json_members(&self, out: &mut Vec<u8>) {
        let v = &self.verdict;
        put(out, "\"input\":");
        append_json(out, self.dialled);
        if v.has_number() {
            put(out, ",\"e164\":\"+");
            put_digits(out, &v.number);
            if v.region.is_none() {
                put(out, "\",\"region\":null,\"type\":\"");
            } else {
                put(out, "\",\"region\":\"");
                put_region(out, v.region);
                put(out, "\",\"type\":\"");
            }
            put_short(out, v.number_type.as_str().as_bytes());
            put(out, "\",\"action\":\"");
        } else {
            put(out, ",\"e164\":null,\"region\":null,\"type\":null,\"action\":\"");
        }
        put_short(out, v.action.as_str().as_bytes());
        put(out, "\",\"reason\":\"");
        put_short(out, v.reason.as_str().as_bytes());
        put(out, "\",\"rule\":");
        match &self.rule {
            RuleText::None => put(out, "null"),
            RuleText::Text(text) => append_json(out, text.as_bytes()),
            plain => {
                put(out, "\"");
                self.append_rule(out, plain);
                put(out, "\"");
            }
        }
        put(out, ",\"list\":");
        if v.list.is_empty() {
            put(out, "null")
        } else {
            append_json(out, v.list.as_bytes())
        }
        put(out, ",\"matched\":");
        append_decimal(out, v.matched);
        put(out, ",\"profile\":");
        append_json(out, v.profile.as_bytes());
        put(out, if v.would_block() { ",\"would_block\":true" } else { ",\"would_block\":false" });
    }

    /// A line: the JSON object.
    pub(crate) fn append_json_line(&self, out: &mut Vec<u8>) {
        put(out, "{");
        self.append_json_members(out);
        put(out, "}\n");
    }

    /// A row of the table whose head is [`KEYS`]; what JSON has as null is empty.
    pub(crate) fn append_csv_line(&self, out: &mut Vec<u8>) {
        append_csv(out, self.dialled, b',');
        self.append_csv_columns(out, b',');
        put(out, "\n");
    }

    /// All columns but the first, each behind a delimiter.
    pub(crate) fn append_csv_columns(&self, out: &mut Vec<u8>, delimiter: u8) {
        let v = &self.verdict;
        out.push(delimiter);
        if v.has_number() {
            put(out, "+");
            put_digits(out, &v.number);
            out.push(delimiter);
            put_region(out, v.region);
            out.push(delimiter);
            put_short(out, v.number_type.as_str().as_bytes());
        } else {
            out.extend_from_slice(&[delimiter; 2]);
        }
        out.push(delimiter);
        put_short(out, v.action.as_str().as_bytes());
        out.push(delimiter);
        put_short(out, v.reason.as_str().as_bytes());
        out.push(delimiter);
        match &self.rule {
            RuleText::Text(text) => append_csv(out, text.as_bytes(), delimiter),
            plain => self.append_rule(out, plain),
        }
        out.push(delimiter);
        append_csv(out, v.list.as_bytes(), delimiter);
        out.push(delimiter);
        append_decimal(out, v.matched);
        out.push(delimiter);
        append_csv(out, v.profile.as_bytes(), delimiter);
        out.push(delimiter);
        put(out, if v.would_block() { "true" } else { "false" });
    }

    /// A line of text, in columns.
    pub(crate) fn append_text_line(&self, out: &mut Vec<u8>, widths: Widths, colour: bool) {
        let v = &self.verdict;
        let line = out.len();
        let style = if v.is_blocked() { output::BAD } else { output::GOOD };
        painted(out, colour, style, |out| put_short(out, v.action.as_str().as_bytes()));
        put(out, "  ");
        padded(out, widths.why, |out| self.append_why(out));
        put(out, "  ");
        padded(out, widths.number, |out| self.append_number(out));
        put(out, "  ");
        padded(out, widths.whose, |out| self.append_whose(out));
        if v.has_number() && !self.is_number(self.dialled) {
            let input = self.shown();
            if !self.is_number(input.as_bytes()) {
                put(out, "  ");
                painted(out, colour, output::FAINT, |out| {
                    put(out, "(dialled ");
                    append_shortened(out, &input);
                    put(out, ")");
                });
            }
        }
        if v.would_block() {
            put(out, "  ");
            painted(out, colour, output::NOTE, |out| {
                put(out, "(list ");
                put(out, v.shadow.as_str());
                put(out, " would have blocked it)");
            });
        }
        trim_end(out, line);
        put(out, "\n");
    }

    /// Reason, list and rule.
    fn append_why(&self, out: &mut Vec<u8>) {
        put_short(out, self.verdict.reason.as_str().as_bytes());
        if !self.verdict.list.is_empty() {
            put(out, " ");
            put(out, self.verdict.list.as_str());
            put(out, ":");
        }
        match &self.rule {
            RuleText::None => {}
            RuleText::Text(text) => {
                put(out, " ");
                put(out, &printable(text));
            }
            plain => {
                put(out, " ");
                self.append_rule(out, plain);
            }
        }
    }

    /// The number; what was dialled, where there is none.
    fn append_number(&self, out: &mut Vec<u8>) {
        if self.verdict.has_number() {
            put(out, "+");
            put_digits(out, &self.verdict.number);
        } else {
            append_shortened(out, &self.shown());
        }
    }

    /// Region and type.
    fn append_whose(&self, out: &mut Vec<u8>) {
        let v = &self.verdict;
        if !v.has_number() {
            return;
        }
        if !v.region.is_none() {
            put_region(out, v.region);
            put(out, " ");
        }
        let class = match v.number_type {
            NumberType::Unknown => "unassigned",
            class => class.as_str(),
        };
        put_short(out, class.as_bytes());
    }

    /// A rule as it is: all but [`RuleText::Text`] are words, digits, a plus and a star, which no
    /// form of answer escapes.
    fn append_rule(&self, out: &mut Vec<u8>, rule: &RuleText) {
        match rule {
            RuleText::None => {}
            RuleText::Word(word) => put_short(out, word.as_bytes()),
            RuleText::Region(region) => put_region(out, *region),
            RuleText::Digits { count, is_prefix } => {
                put(out, "+");
                out.extend_from_slice(self.verdict.number.as_bytes().get(..*count).unwrap_or_default());
                if *is_prefix {
                    put(out, "*");
                }
            }
            RuleText::Text(text) => put(out, text),
        }
    }

    /// Whether a text is the number judged as it is written here.
    fn is_number(&self, text: &[u8]) -> bool {
        text.strip_prefix(b"+") == Some(self.verdict.number.as_bytes())
    }

    /// What was dialled, fit for a terminal.
    fn shown(&self) -> Cow<'r, str> {
        match String::from_utf8_lossy(self.dialled) {
            Cow::Borrowed(text) if text.bytes().all(|b| (b' '..=b'~').contains(&b)) => Cow::Borrowed(text.trim()),
            text => Cow::Owned(printable(text.trim())),
        }
    }
}

fn rule(index: &Index, query: &Query<'_>, dialled: &[u8], v: &Verdict) -> RuleText {
    let matched = v.matched as usize;
    match v.rule {
        Rule::Type(t) => RuleText::Word(t.as_str()),
        Rule::Satellite => RuleText::Word("satellite"),
        Rule::Country(region) if !region.is_none() => RuleText::Region(region),
        Rule::Whole | Rule::Prefix if v.has_number() && matched <= v.number.len() => {
            RuleText::Digits { count: matched, is_prefix: v.rule == Rule::Prefix }
        }
        Rule::Whole | Rule::Prefix if !v.has_number() => {
            entry_of(index, query, dialled).map_or(RuleText::None, RuleText::Text)
        }
        Rule::Raw => {
            let dialled = dialled.trim_ascii();
            let bytes = dialled.get(..matched).unwrap_or(dialled);
            RuleText::Text(format!("raw:{}", String::from_utf8_lossy(bytes)))
        }
        _ => RuleText::None,
    }
}

/// The entry that named a short or internal number: the verdict counts digits that it does not hold.
#[cold]
fn entry_of(index: &Index, query: &Query<'_>, dialled: &[u8]) -> Option<String> {
    let explanation = index.explain(query, dialled).ok()?;
    let mut matches = explanation.steps.into_iter().flat_map(|step| step.matches);
    let decided = matches.find(|m| m.outcome == MatchOutcome::Decides)?;
    decided.entries.into_iter().next().map(|entry| entry.entry)
}

/// How wide the columns of text are.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    why: usize,
    number: usize,
    whose: usize,
}

impl Widths {
    /// For answers that are not known yet: most fit, the others push what stands behind them.
    pub(crate) const STREAM: Widths = Widths { why: 22, number: 16, whose: 18 };

    /// For these answers.
    pub(crate) fn of(records: &[Record<'_>]) -> Widths {
        let mut widths = Widths { why: 0, number: 0, whose: 0 };
        let mut column = Vec::new();
        for record in records {
            let mut measure = |width: &mut usize, append: &dyn Fn(&mut Vec<u8>)| {
                column.clear();
                append(&mut column);
                *width = (*width).max(characters(&column));
            };
            measure(&mut widths.why, &|out| record.append_why(out));
            measure(&mut widths.number, &|out| record.append_number(out));
            measure(&mut widths.whose, &|out| record.append_whose(out));
        }
        widths
    }
}

/// `block country LV`, for the end of an explanation.
pub(crate) fn verdict_text(record: &Record<'_>) -> String {
    let mut text = format!("{} ", record.verdict.action.as_str()).into_bytes();
    record.append_why(&mut text);
    if record.verdict.reason == Reason::Emergency {
        put(&mut text, ", whatever the policy says");
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[inline(always)]
fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A text whose length is known only here. Most are a word or a number; those are copied in two words
/// that overlap, since a call of `memcpy` takes longer than that.
#[inline(always)]
fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    #[inline(always)]
    fn in_two<const N: usize>(to: &mut [u8], from: &[u8]) -> Option<()> {
        let (first, last) = (from.first_chunk::<N>()?, from.last_chunk::<N>()?);
        *to.first_chunk_mut()? = *first;
        *to.last_chunk_mut()? = *last;
        Some(())
    }
    const WORD: usize = 16;
    let mut word = [0; WORD];
    let copied = match text.len() {
        8..=WORD => in_two::<8>(&mut word[..text.len()], text),
        4..=7 => in_two::<4>(&mut word[..text.len()], text),
        _ => None,
    };
    if copied.is_some() {
        let end = out.len() + text.len();
        out.extend_from_slice(&word);
        out.truncate(end);
    } else {
        out.extend_from_slice(text);
    }
}

/// The digits, by a copy of known size, which is quicker than one of few bytes.
#[inline(always)]
fn put_digits(out: &mut Vec<u8>, number: &Number) {
    let end = out.len() + number.len();
    out.extend_from_slice(number.padded());
    out.truncate(end);
}

#[inline(always)]
fn put_region(out: &mut Vec<u8>, region: Region) {
    let text = region.padded();
    let end = out.len() + text.iter().filter(|&&b| b != 0).count();
    out.extend_from_slice(text);
    out.truncate(end);
}

fn append_decimal(out: &mut Vec<u8>, n: u8) {
    if n >= 100 {
        out.push(b'0' + n / 100);
    }
    if n >= 10 {
        out.push(b'0' + n / 10 % 10);
    }
    out.push(b'0' + n % 10);
}

/// A JSON string; of bytes that are not UTF-8, `�`.
fn append_json(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().all(|&b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\') {
        out.push(b'"');
        put_short(out, text);
        out.push(b'"');
    } else {
        append_json_escaped(out, &String::from_utf8_lossy(text));
    }
}

#[cold]
fn append_json_escaped(out: &mut Vec<u8>, text: &str) {
    // Neither a string nor memory has an error to report.
    let _ = serde_json::to_writer(out, text);
}

/// A field of CSV, in quotes where it needs them; of bytes that are not UTF-8, `�`.
pub(crate) fn append_csv(out: &mut Vec<u8>, text: &[u8], delimiter: u8) {
    if text.iter().all(|&b| (b' '..=b'~').contains(&b) && b != b'"' && b != delimiter) {
        put_short(out, text);
    } else {
        append_csv_quoted(out, &String::from_utf8_lossy(text), delimiter);
    }
}

#[cold]
fn append_csv_quoted(out: &mut Vec<u8>, text: &str, delimiter: u8) {
    if !text.bytes().any(|b| matches!(b, b'"' | b'\r' | b'\n') || b == delimiter) {
        return put(out, text);
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The most characters of an unreadable text that a column shows.
const MAX_SHOWN: usize = 60;

fn append_shortened(out: &mut Vec<u8>, text: &str) {
    let end = if text.len() <= MAX_SHOWN { None } else { text.char_indices().nth(MAX_SHOWN) };
    match end {
        Some((end, _)) => {
            put(out, &text[..end]);
            put(out, "…");
        }
        None => put(out, text),
    }
}

/// What is appended, in a style if there are colours.
#[inline(always)]
fn painted(out: &mut Vec<u8>, colour: bool, style: Style, append: impl FnOnce(&mut Vec<u8>)) {
    // Writing to memory cannot fail.
    if colour {
        let _ = write!(out, "{style}");
    }
    append(out);
    if colour {
        let _ = write!(out, "{style:#}");
    }
}

/// What is appended, and blanks up to a width.
#[inline(always)]
fn padded(out: &mut Vec<u8>, width: usize, append: impl FnOnce(&mut Vec<u8>)) {
    const BLANKS: &[u8; 32] = &[b' '; 32];
    let start = out.len();
    append(out);
    let missing = width.saturating_sub(characters(&out[start..]));
    let end = out.len() + missing;
    if missing <= BLANKS.len() {
        out.extend_from_slice(BLANKS);
        out.truncate(end);
    } else {
        out.resize(end, b' ');
    }
}

/// How many characters a UTF-8 text has: the bytes that begin one.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xc0 != 0x80).count()
}

/// Takes away the white space at the end of the line that begins at `line`.
fn trim_end(out: &mut Vec<u8>, line: usize) {
    let mut end = out.len();
    while end > line && out[end - 1] == b' ' {
        end -= 1;
    }
    // What a raw entry matched may end in other white space.
    if end > line && !out[end - 1].is_ascii_graphic() {
        end = line + std::str::from_utf8(&out[line..end]).map_or(end - line, |text| text.trim_end().len());
    }
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&[u8]; 16] = [
        b"",
        b" ",
        b"+37126123456",
        b"\"",
        b"a\"b\"\"",
        b"a\\b",
        b"a,b;c\td",
        b"\r",
        b"a\nb",
        b"\x00\x08\x0c\x1f\x7f",
        b"\xff\xfe+371",
        b"\xc3\xa9",
        b"\xc3",
        "\u{2028}\u{202e}".as_bytes(),
        " é\u{a0}".as_bytes(),
        "…€😀".as_bytes(),
    ];

    #[test]
    fn a_json_string_is_what_serde_writes() {
        for a in HOSTILE {
            for b in HOSTILE {
                let text = [a, b].concat();
                let mut out = Vec::new();
                append_json(&mut out, &text);
                assert_eq!(out, serde_json::to_vec(&String::from_utf8_lossy(&text)).unwrap(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_csv_field_is_what_the_csv_crate_writes() {
        for delimiter in *b",;\t|" {
            for a in HOSTILE {
                for b in HOSTILE {
                    let text = [a, b].concat();
                    let mut out = Vec::new();
                    append_csv(&mut out, &text, delimiter);
                    out.push(delimiter);
                    append_csv(&mut out, b, delimiter);
                    out.push(b'\n');
                    let mut oracle = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
                    oracle.write_record([&*String::from_utf8_lossy(&text), &*String::from_utf8_lossy(b)]).unwrap();
                    let wanted = oracle.into_inner().unwrap();
                    assert_eq!(out, wanted, "{text:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn short_texts_are_copied_whole() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=text.len() {
            let mut out = b"before".to_vec();
            put_short(&mut out, &text[..length]);
            assert_eq!(out, [b"before", &text[..length]].concat());
        }
    }

    #[test]
    fn every_count_is_written_in_decimal() {
        for n in 0..=u8::MAX {
            let mut out = Vec::new();
            append_decimal(&mut out, n);
            assert_eq!(out, n.to_string().into_bytes());
        }
    }

    #[test]
    fn columns_are_counted_in_characters() {
        for text in HOSTILE {
            let text = String::from_utf8_lossy(text);
            assert_eq!(characters(text.as_bytes()), text.chars().count());
            let mut out = Vec::new();
            padded(&mut out, 40, |out| put(out, &text));
            assert_eq!(String::from_utf8(out).unwrap(), format!("{text:<40}"));
        }
    }

    #[test]
    fn a_line_ends_where_its_text_does() {
        for text in HOSTILE {
            for blanks in ["", "  ", "\u{a0} ", "\t"] {
                let text = format!("{}{blanks}", String::from_utf8_lossy(text));
                let mut out = b"before ".to_vec();
                put(&mut out, &text);
                trim_end(&mut out, 7);
                assert_eq!(String::from_utf8(out).unwrap(), format!("before {}", text.trim_end()), "{text:?}");
            }
        }
    }
}
