//! An explanation as JSON: the keys, their order and their values are the command's contract
//! (`tollgate explain --format json`), which a test compares.

use std::borrow::Cow;
use std::fmt::{self, Write};
use tollgate::{EntryInfo, Explanation, Match, MatchOutcome, Rule};

/// A JSON string.
struct Text<'t>(&'t str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                // JSON asks for no more than the first 32; the others are what a terminal obeys.
                // One or, above U+FFFF, two units of UTF-16 (RFC 8259 §7).
                c if tollgate::is_unseen(c) => {
                    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))?;
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// A JSON string, or null.
struct Maybe<T>(Option<T>);

impl<T: AsRef<str>> fmt::Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => Text(text.as_ref()).fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// One object, without a line's end.
pub(crate) fn explanation(explanation: &Explanation, dialled: &[u8]) -> String {
    let mut out = String::new();
    // A `String` takes everything.
    let _ = write(&mut out, explanation, dialled);
    out
}

fn write(out: &mut String, e: &Explanation, dialled: &[u8]) -> fmt::Result {
    let v = &e.verdict;
    let number = v.has_number().then(|| v.number.to_string());
    let region = (v.has_number() && !v.region.is_none()).then(|| v.region.as_str());
    let number_type = v.has_number().then(|| v.number_type.as_str());
    let list = (!v.list.is_empty()).then(|| v.list.as_str());
    write!(out, r#"{{"input":{},"e164":{},"#, Text(&e.dialled), Maybe(number))?;
    write!(out, r#""region":{},"type":{},"#, Maybe(region), Maybe(number_type))?;
    write!(out, r#""action":{},"reason":{},"#, Text(v.action.as_str()), Text(v.reason.as_str()))?;
    write!(out, r#""rule":{},"list":{},"#, Maybe(rule(e, dialled)), Maybe(list))?;
    write!(out, r#""matched":{},"profile":{},"#, v.matched, Text(v.profile.as_str()))?;
    write!(out, r#""would_block":{},"steps":["#, v.would_block())?;
    for (i, step) in e.steps.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        write!(out, r#"{comma}{{"name":{},"text":{},"matches":["#, Text(step.name), Text(&step.text))?;
        let mut comma = "";
        for m in &step.matches {
            let none = m.entries.is_empty().then_some(None);
            for entry in none.into_iter().chain(m.entries.iter().map(Some)) {
                out.push_str(comma);
                write_match(out, m, entry)?;
                comma = ",";
            }
        }
        out.push_str("]}");
    }
    out.push_str("]}");
    Ok(())
}

/// One entry that matched; without a place where the index does not know it.
fn write_match(out: &mut String, m: &Match, entry: Option<&EntryInfo>) -> fmt::Result {
    let outcome = match m.outcome {
        MatchOutcome::Decides => "decides",
        MatchOutcome::Noted => "noted",
        MatchOutcome::Outweighed => "outweighed",
        MatchOutcome::Expired => "expired",
        MatchOutcome::NotTheWhole => "not_the_whole",
        MatchOutcome::OtherProfile => "other_profile",
        _ => "other",
    };
    let note = entry.map(|e| &e.note).filter(|note| !note.is_empty());
    let expires = entry.and_then(|e| e.expires).map(time);
    write!(out, r#"{{"list":{},"action":{},"#, Text(&m.list), Text(m.action.as_str()))?;
    write!(out, r#""entry":{},"file":{},"#, Maybe(entry.map(|e| &e.entry)), Maybe(entry.map(|e| &e.source)))?;
    match entry.and_then(|entry| entry.line) {
        Some(line) => write!(out, r#""line":{line},"#)?,
        None => out.push_str(r#""line":null,"#),
    }
    write!(out, r#""note":{},"expires":{},"#, Maybe(note), Maybe(expires))?;
    write!(out, r#""outcome":{},"covered":{}}}"#, Text(outcome), m.covered)
}

/// The part of a rule that decided.
fn rule<'e>(e: &'e Explanation, dialled: &[u8]) -> Option<Cow<'e, str>> {
    let v = &e.verdict;
    let matched = v.matched as usize;
    match v.rule {
        Rule::Type(class) => Some(class.as_str().into()),
        Rule::Satellite => Some("satellite".into()),
        Rule::Country(region) => (!region.is_none()).then(|| region.as_str().to_owned().into()),
        Rule::Whole | Rule::Prefix if v.has_number() => {
            let star = if v.rule == Rule::Prefix { "*" } else { "" };
            v.number.as_str().get(..matched).map(|digits| format!("+{digits}{star}").into())
        }
        // A short or internal number: the verdict counts digits that it does not hold.
        Rule::Whole | Rule::Prefix => {
            let mut matches = e.steps.iter().flat_map(|step| &step.matches);
            let decided = matches.find(|m| m.outcome == MatchOutcome::Decides)?;
            decided.entries.first().map(|entry| entry.entry.as_str().into())
        }
        Rule::Raw => {
            let dialled = dialled.trim_ascii();
            let bytes = dialled.get(..matched).unwrap_or(dialled);
            Some(format!("raw:{}", String::from_utf8_lossy(bytes)).into())
        }
        _ => None,
    }
}

const DAY: i64 = 86_400;

/// Seconds since the epoch as RFC 3339, in the years that it has; outside them as the number.
fn time(seconds: i64) -> String {
    // From year 0 to 9999, as RFC 3339 §1 has it.
    if !(-62_167_219_200..=253_402_300_799).contains(&seconds) {
        return seconds.to_string();
    }
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // The civil calendar by eras of 400 years, each 146,097 days; years begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (4_073_587_200, "2099-02-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (i64::MAX, "9223372036854775807"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn strings_are_escaped() {
        // A tag, of Unicode's fifteenth plane: two units.
        assert_eq!(Text("\u{e0041}😀").to_string(), r#""\udb40\udc41😀""#);
        assert_eq!(Text("a\"\\\n\0\u{7f}\u{202e}é").to_string(), r#""a\"\\\n\u0000\u007f\u202eé""#);
    }
}
