//! One answer: as a line of text, of JSON and of CSV.
//!
//! The JSON keys, their order and their values are the command's contract; CSV has the same
//! columns. Text is for people and may change.

use crate::output::{self, Out, printable};
use std::borrow::Cow;
use std::io::{self, Write};
use tollgate::{Index, MatchOutcome, NumberType, Query, Reason, Rule, Verdict};

/// The keys of an answer, in order.
pub(crate) const KEYS: [&str; 11] =
    ["input", "e164", "region", "type", "action", "reason", "rule", "list", "matched", "profile", "would_block"];

/// A verdict and what it is about.
pub(crate) struct Record<'r> {
    input: Cow<'r, str>,
    e164: Option<String>,
    rule: Option<Cow<'static, str>>,
    pub(crate) verdict: Verdict,
}

impl<'r> Record<'r> {
    /// Screens what was dialled.
    pub(crate) fn screen(index: &Index, query: &Query<'_>, dialled: &'r [u8]) -> Result<Record<'r>, tollgate::Error> {
        let verdict = index.screen_with(query, dialled)?;
        let rule = rule(index, query, dialled, &verdict);
        let e164 = verdict.has_number().then(|| verdict.number.to_string());
        Ok(Record { input: String::from_utf8_lossy(dialled), e164, rule, verdict })
    }

    fn region(&self) -> Option<&str> {
        let region = &self.verdict.region;
        (self.e164.is_some() && !region.is_none()).then(|| region.as_str())
    }

    fn number_type(&self) -> Option<&str> {
        self.e164.is_some().then(|| self.verdict.number_type.as_str())
    }

    fn list(&self) -> Option<&str> {
        (!self.verdict.list.is_empty()).then(|| self.verdict.list.as_str())
    }

    /// The members of the JSON object, without its braces.
    pub(crate) fn write_json_members(&self, out: &mut impl Write) -> io::Result<()> {
        let v = &self.verdict;
        let texts = [
            Some(&*self.input),
            self.e164.as_deref(),
            self.region(),
            self.number_type(),
            Some(v.action.as_str()),
            Some(v.reason.as_str()),
            self.rule.as_deref(),
            self.list(),
        ];
        for (key, text) in KEYS.iter().zip(texts) {
            write!(out, "\"{key}\":")?;
            serde_json::to_writer(&mut *out, &text)?;
            out.write_all(b",")?;
        }
        let [.., matched, profile, would_block] = KEYS;
        write!(out, "\"{matched}\":{},\"{profile}\":", v.matched)?;
        serde_json::to_writer(&mut *out, v.profile.as_str())?;
        write!(out, ",\"{would_block}\":{}", v.would_block())
    }

    /// A row of the table whose head is [`KEYS`]; what JSON has as null is empty.
    pub(crate) fn write_csv<W: Write>(&self, out: &mut csv::Writer<W>) -> io::Result<()> {
        let v = &self.verdict;
        let matched = v.matched.to_string();
        out.write_record([
            &*self.input,
            self.e164.as_deref().unwrap_or_default(),
            self.region().unwrap_or_default(),
            self.number_type().unwrap_or_default(),
            v.action.as_str(),
            v.reason.as_str(),
            self.rule.as_deref().unwrap_or_default(),
            self.list().unwrap_or_default(),
            &matched,
            v.profile.as_str(),
            if v.would_block() { "true" } else { "false" },
        ])
        .map_err(output::csv_error)
    }

    /// The columns of a line of text.
    pub(crate) fn row(&self) -> Row {
        let v = &self.verdict;
        let mut why = v.reason.as_str().to_owned();
        if let Some(list) = self.list() {
            why = format!("{why} {list}:");
        }
        if let Some(rule) = &self.rule {
            why = format!("{why} {}", printable(rule));
        }
        let input = printable(self.input.trim());
        let (number, whose, dialled) = match &self.e164 {
            Some(e164) => {
                let class = match v.number_type {
                    NumberType::Unknown => "unassigned",
                    class => class.as_str(),
                };
                let whose = self.region().map_or_else(|| class.to_owned(), |region| format!("{region} {class}"));
                (e164.clone(), whose, (input != *e164).then(|| shortened(&input)))
            }
            None => (shortened(&input), String::new(), None),
        };
        let shadow = v.would_block().then(|| v.shadow.as_str().to_owned());
        Row { blocked: v.is_blocked(), why, number, whose, dialled, shadow }
    }
}

/// The part of a rule that decided, as far as a verdict tells it.
fn rule(index: &Index, query: &Query<'_>, dialled: &[u8], v: &Verdict) -> Option<Cow<'static, str>> {
    let matched = v.matched as usize;
    match v.rule {
        Rule::Type(t) => Some(Cow::Borrowed(t.as_str())),
        Rule::Satellite => Some(Cow::Borrowed("satellite")),
        Rule::Country(region) => (!region.is_none()).then(|| region.as_str().to_owned().into()),
        Rule::Whole | Rule::Prefix if v.has_number() => {
            let star = if v.rule == Rule::Prefix { "*" } else { "" };
            v.number.as_str().get(..matched).map(|digits| format!("+{digits}{star}").into())
        }
        // A short or internal number: the verdict counts digits that it does not hold.
        Rule::Whole | Rule::Prefix => {
            let explanation = index.explain(query, dialled).ok()?;
            let mut matches = explanation.steps.into_iter().flat_map(|step| step.matches);
            let decided = matches.find(|m| m.outcome == MatchOutcome::Decides)?;
            decided.entries.into_iter().next().map(|entry| entry.entry.into())
        }
        Rule::Raw => {
            let dialled = dialled.trim_ascii();
            let bytes = dialled.get(..matched).unwrap_or(dialled);
            Some(format!("raw:{}", String::from_utf8_lossy(bytes)).into())
        }
        _ => None,
    }
}

/// The most characters of an unreadable text that a column shows.
const MAX_SHOWN: usize = 60;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A line of text, in columns.
pub(crate) struct Row {
    blocked: bool,
    why: String,
    number: String,
    whose: String,
    dialled: Option<String>,
    shadow: Option<String>,
}

/// How wide the columns are.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    why: usize,
    number: usize,
    whose: usize,
}

impl Widths {
    /// For rows that are not known yet: most fit, the others push what stands behind them.
    pub(crate) const STREAM: Widths = Widths { why: 22, number: 16, whose: 18 };

    /// For these rows.
    pub(crate) fn of(rows: &[Row]) -> Widths {
        let widest = |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0);
        Widths { why: widest(|r| &r.why), number: widest(|r| &r.number), whose: widest(|r| &r.whose) }
    }
}

impl Row {
    pub(crate) fn write(&self, out: &mut Out, widths: Widths) -> io::Result<()> {
        let action = if self.blocked { out.paint(output::BAD, "block") } else { out.paint(output::GOOD, "allow") };
        let mut line = format!(
            "{action}  {:<why$}  {:<number$}  {:<whose$}",
            self.why,
            self.number,
            self.whose,
            why = widths.why,
            number = widths.number,
            whose = widths.whose
        );
        if let Some(dialled) = &self.dialled {
            line = format!("{line}  {}", out.paint(output::FAINT, format_args!("(dialled {dialled})")));
        }
        if let Some(list) = &self.shadow {
            line = format!("{line}  {}", out.paint(output::NOTE, format_args!("(list {list} would have blocked it)")));
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// `block country LV`, for the end of an explanation.
pub(crate) fn verdict_text(record: &Record<'_>) -> String {
    let row = record.row();
    let mut text = format!("{} {}", record.verdict.action.as_str(), row.why);
    if record.verdict.reason == Reason::Emergency {
        text.push_str(", whatever the policy says");
    }
    text
}
