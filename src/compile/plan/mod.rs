//! The numbering plan from libphonenumber's metadata.
//!
//! The metadata is two XML files full of regular expressions over digits. All of them describe
//! finite sets, so all of them become automata here and none is left at run time. The files are
//! not trusted: whatever is in them, the compiler ends soon, with a plan or with a [`PlanError`]
//! that names the territory and the element. The same files give the same bytes.

mod classify;
mod dfa;
mod dial;
mod short;
mod states;
mod xml;

use crate::{
    Error,
    index::format::{Container, Kind, SectionWriter, Sections},
    plan::{self, MAX_TERRITORIES, NO_AUTOMATON, SECTIONS, territory_flags},
};
use sha2::{Digest, Sha256};
use states::States;
use std::{collections::HashMap, fmt};
use xml::File;

/// The plan that this release comes with, compiled from the metadata that `data/plan/SOURCES`
/// names.
pub const BUILT_IN: &[u8] = include_bytes!("../../../data/plan/plan.tgp");

/// Why the metadata could not be compiled.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanError {
    /// The file is no XML, or holds no territories.
    Xml {
        /// Which of the two files.
        file: &'static str,
        /// What is wrong.
        what: String,
    },
    /// One territory's entry cannot be used.
    Territory {
        /// Which of the two files.
        file: &'static str,
        /// The territory's id, with the calling code if it is `001`.
        territory: String,
        /// The element or attribute.
        element: String,
        /// What is wrong.
        what: String,
    },
    /// The plan does not fit the file format.
    TooLarge {
        /// What there is too much of.
        what: String,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Xml { file, what } => {
                write!(f, "{file}: {what}; give libphonenumber's file as it is released")
            }
            PlanError::Territory { file, territory, element, what } => write!(
                f,
                "{file}, territory {territory}, {element}: {what}; if the file is as libphonenumber released it, its \
                 metadata is newer than this release understands: keep the plan that you have, and report it"
            ),
            PlanError::TooLarge { what } => {
                write!(f, "the numbering plan does not fit this release's format: {what}; keep the plan that you have")
            }
        }
    }
}

impl std::error::Error for PlanError {}

/// Compiles `PhoneNumberMetadata.xml` and `ShortNumberMetadata.xml`, given as text, to the bytes of
/// a plan file. `metadata_version` is libphonenumber's release, which the files do not name.
///
/// # Errors
///
/// [`PlanError`] where the files are not libphonenumber's, damaged, or of a future kind.
pub fn compile(phone_xml: &str, short_xml: &str, metadata_version: &str) -> Result<Vec<u8>, PlanError> {
    let territories = xml::read(File::Phone, phone_xml)?;
    let short_territories = xml::read(File::Short, short_xml)?;
    check(&territories, &short_territories)?;

    let mut classes = States::default();
    let classes_root = classify::world(&territories, &mut classes)?;
    let classes = classes.pack(&[classes_root], "CLAS")?;

    let mut short_states = States::default();
    let mut short_roots: HashMap<&str, (u32, bool)> = HashMap::new();
    for territory in &short_territories {
        let root = short::region(territory, &mut short_states)?;
        short_roots.insert(&territory.id, (root, short::ignores_trailing_digits(territory)));
    }

    let mut dial_states = States::default();
    let mut actions = Vec::new();
    let dials = territories
        .iter()
        .map(|territory| dial::territory(territory, &mut dial_states, &mut actions))
        .collect::<Result<Vec<_>, _>>()?;

    // Packing numbers the states; the territories' records then say where each root is.
    let short_order: Vec<u32> =
        territories.iter().filter_map(|t| short_roots.get(t.id.as_str())).map(|&(root, _)| root).collect();
    let short_packed = short_states.pack(&short_order, "SHRT")?;
    let dial_order: Vec<u32> = dials
        .iter()
        .flat_map(|d| d.international_prefix.into_iter().chain(d.national_prefix).chain([d.general]))
        .collect();
    let dial_packed = dial_states.pack(&dial_order, "DIAL")?;
    let mut short_places = short_packed.roots.iter().copied();
    let mut dial_places = dial_packed.roots.iter().copied();
    let place = |places: &mut dyn Iterator<Item = u16>, wanted: bool| {
        if wanted { places.next().unwrap_or(NO_AUTOMATON) } else { NO_AUTOMATON }
    };

    let mut records = SectionWriter::default();
    records.u32(territories.len() as u32);
    for (territory, dial) in territories.iter().zip(&dials) {
        let short = short_roots.get(territory.id.as_str());
        let mut region = [0; 3];
        region[..territory.id.len()].copy_from_slice(territory.id.as_bytes());
        let mut flags = 0;
        if territory.is_main {
            flags |= territory_flags::MAIN;
        }
        if short.is_some_and(|&(_, ignores)| ignores) {
            flags |= territory_flags::EMERGENCY_IGNORES_TRAILING;
        }
        records.bytes(&region);
        records.u8(flags);
        records.u16(territory.calling_code);
        records.u16(place(&mut dial_places, dial.international_prefix.is_some()));
        records.u16(place(&mut dial_places, dial.national_prefix.is_some()));
        records.u16(place(&mut dial_places, true));
        records.u16(place(&mut short_places, short.is_some()));
        records.u16(0);
        records.u32(territory.lengths);
        records.u32(territory.local_lengths);
    }

    let mut action_records = SectionWriter::default();
    action_records.u32(actions.len() as u32);
    for action in &actions {
        for field in [action.from, action.to, action.end, action.literal_len] {
            action_records.u8(field);
        }
        action_records.bytes(&action.literal);
    }

    let mut info = SectionWriter::default();
    info.text(metadata_version);
    info.u32(2);
    for (file, text) in [(File::Phone, phone_xml), (File::Short, short_xml)] {
        info.text(file.name());
        info.bytes(&Sha256::digest(text.as_bytes()));
    }

    let mut file = Container::new(Kind::Plan);
    let contents = [info.0, records.0, classes.bytes, dial_packed.bytes, action_records.0, short_packed.bytes];
    for (tag, bytes) in SECTIONS.into_iter().zip(contents) {
        file.add(tag, bytes);
    }
    Ok(file.finish())
}

/// What must hold between the territories before anything is compiled.
fn check(territories: &[xml::Territory], short: &[xml::Territory]) -> Result<(), PlanError> {
    let fail = |file: File, territory: &xml::Territory, element: &str, what: String| PlanError::Territory {
        file: file.name(),
        territory: territory.label(),
        element: element.to_owned(),
        what,
    };
    if territories.len() > MAX_TERRITORIES {
        return Err(PlanError::TooLarge {
            what: format!("{} territories, and at most {MAX_TERRITORIES} have a number", territories.len()),
        });
    }
    for (i, territory) in territories.iter().enumerate() {
        for earlier in &territories[..i] {
            if earlier.id == territory.id && territory.id != "001" {
                return Err(fail(File::Phone, territory, "id", "there are two territories of this name".to_owned()));
            }
            let (a, b) = (earlier.calling_code.to_string(), territory.calling_code.to_string());
            if a != b && (a.starts_with(&b) || b.starts_with(&a)) {
                let what = format!("+{b} and +{a} ({}) cannot both be calling codes", earlier.label());
                return Err(fail(File::Phone, territory, "countryCode", what));
            }
            if a == b && earlier.is_main && territory.is_main {
                let what = format!("+{b} has another main territory, {}", earlier.label());
                return Err(fail(File::Phone, territory, "mainCountryForCode", what));
            }
        }
    }
    for (i, territory) in short.iter().enumerate() {
        if territory.id == "001" || !territories.iter().any(|t| t.id == territory.id) {
            let what = format!("{} has no such territory; take both files from one release", File::Phone.name());
            return Err(fail(File::Short, territory, "id", what));
        }
        if short[..i].iter().any(|earlier| earlier.id == territory.id) {
            return Err(fail(File::Short, territory, "id", "there are two territories of this name".to_owned()));
        }
    }
    Ok(())
}

/// The plan's sections, names and contents, for an index that takes the plan with it.
///
/// # Errors
///
/// [`Error`] where the bytes are no plan file that this release can read.
pub fn sections(plan_file: &[u8]) -> Result<Vec<(&'static str, &[u8])>, Error> {
    let sections = Sections::parse(plan_file, Kind::Plan)?;
    plan::Plan::decode(plan_file, &sections)?;
    SECTIONS.iter().map(|&tag| Ok((tag, &plan_file[sections.range(tag)?]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NumberingPlan;

    /// A territory with a general pattern and whatever else is given.
    fn territory(attributes: &str, body: &str) -> String {
        format!(
            "<territory {attributes}><generalDesc><nationalNumberPattern>[2-9]\\d{{5}}</nationalNumberPattern></generalDesc>\
             {body}</territory>"
        )
    }

    fn fixed_line(pattern: &str) -> String {
        format!(
            "<fixedLine><possibleLengths national=\"6\"/><nationalNumberPattern>{pattern}</nationalNumberPattern></fixedLine>"
        )
    }

    fn file(territories: &[String]) -> String {
        format!("<phoneNumberMetadata><territories>{}</territories></phoneNumberMetadata>", territories.concat())
    }

    fn short() -> String {
        let emergency = "<emergency><possibleLengths national=\"3\"/><nationalNumberPattern>112</nationalNumberPattern></emergency>";
        file(&[territory("id=\"XX\"", emergency)])
    }

    fn phone() -> String {
        file(&[territory(
            "id=\"XX\" countryCode=\"99\" internationalPrefix=\"00\" nationalPrefix=\"0\"",
            &fixed_line("2\\d{5}"),
        )])
    }

    fn wrong(phone: &str, short: &str) -> String {
        compile(phone, short, "0").expect_err("this does not compile").to_string()
    }

    #[test]
    fn a_small_plan_works() {
        let bytes = compile(&phone(), &short(), "1.2.3").unwrap();
        assert_eq!(bytes, compile(&phone(), &short(), "1.2.3").unwrap());
        let plan = NumberingPlan::from_bytes(&bytes).unwrap();
        let home = crate::Region::new("XX").unwrap();
        let number = plan.read(home, "0 234567").unwrap();
        assert_eq!(number.to_string(), "+99234567");
        assert_eq!(plan.classify(&number), (home, crate::NumberType::FixedLine));
        assert_eq!(plan.dial(home, "112"), crate::Dialling::Emergency);
        assert_eq!(plan.read(home, "00 99 234567"), Some(number));
        assert_eq!(plan.metadata_version(), "1.2.3");
    }

    #[test]
    fn sections_are_the_files_own() {
        let parts = sections(BUILT_IN).unwrap();
        assert_eq!(parts.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), SECTIONS);
        let mut copy = Container::new(Kind::Plan);
        for (tag, bytes) in parts {
            copy.add(tag, bytes.to_vec());
        }
        assert_eq!(copy.finish(), BUILT_IN);
        assert!(sections(&BUILT_IN[1..]).is_err());
    }

    #[test]
    fn metadata_that_contradicts_itself_is_refused() {
        let xx = || territory("id=\"XX\" countryCode=\"99\"", "");
        let twice = file(&[xx(), xx()]);
        assert!(wrong(&twice, &short()).contains("two territories"));
        let inside = file(&[xx(), territory("id=\"YY\" countryCode=\"9\"", "")]);
        assert!(wrong(&inside, &short()).contains("cannot both"));
        let main = |id| territory(&format!("id=\"{id}\" countryCode=\"99\" mainCountryForCode=\"true\""), "");
        assert!(wrong(&file(&[main("XX"), main("YY")]), &short()).contains("another main territory"));
        let other = file(&[territory("id=\"ZZ\"", "")]);
        let text = wrong(&phone(), &other);
        assert!(text.contains("ZZ") && text.contains("one release"), "{text}");
    }

    #[test]
    fn more_territories_than_a_label_can_name_are_refused() {
        let many: Vec<String> = (0..256)
            .map(|i| {
                let id: String = [b'A' + (i / 26) as u8, b'A' + (i % 26) as u8].map(char::from).into_iter().collect();
                territory(&format!("id=\"{id}\" countryCode=\"99\""), "")
            })
            .collect();
        let text = wrong(&file(&many), &short());
        assert!(text.contains("256 territories"), "{text}");
        // One fewer is the most that fits.
        compile(&file(&many[..255]), &file(&[territory("id=\"AA\"", "")]), "0").unwrap();
    }

    #[test]
    fn patterns_of_a_future_kind_name_their_place() {
        for (attributes, body, place) in [
            ("", fixed_line("(?&lt;=1)2"), "fixedLine"),
            ("", fixed_line("("), "fixedLine"),
            ("leadingDigits=\"[\"", String::new(), "leadingDigits"),
            ("internationalPrefix=\"0+\"", String::new(), "internationalPrefix"),
            ("nationalPrefixForParsing=\"0|\\w\\d{9}\"", String::new(), ""),
            (
                "nationalPrefixForParsing=\"(0)\" nationalPrefixTransformRule=\"$1x\"",
                String::new(),
                "nationalPrefixForParsing",
            ),
            (
                "nationalPrefixForParsing=\"(0)?1(2)\" nationalPrefixTransformRule=\"$1\"",
                String::new(),
                "nationalPrefixForParsing",
            ),
        ] {
            let xml = file(&[territory(&format!("id=\"XX\" countryCode=\"99\" {attributes}"), &body)]);
            match compile(&xml, &short(), "0") {
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("XX") && text.contains(place), "{text}");
                }
                Ok(_) => assert!(place.is_empty(), "{attributes} {body} compiled"),
            }
        }
    }

    #[test]
    fn explosive_patterns_end_soon() {
        let began = std::time::Instant::now();
        for pattern in [r"\d*1\d{25}", r"(?:\d{1,30}){1,30}", r"(?:1|2|3\d?){1,5000}", r"(?:(?:\d?){50}){50}"] {
            let xml = file(&[territory("id=\"XX\" countryCode=\"99\"", &fixed_line(pattern))]);
            let _ = compile(&xml, &short(), "0");
            for attribute in ["internationalPrefix", "nationalPrefixForParsing", "leadingDigits"] {
                let xml = file(&[territory(&format!("id=\"XX\" countryCode=\"99\" {attribute}=\"{pattern}\""), "")]);
                let _ = compile(&xml, &short(), "0");
            }
        }
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }

    #[test]
    fn damaged_files_do_not_panic() {
        // The real files are too large to damage often; a small one has all the elements.
        let (phone, short) = (phone(), short());
        for at in 0..phone.len() {
            for byte in [b'<', b'9', b'\\', b'"', b'*', b'('] {
                let mut damaged = phone.clone().into_bytes();
                damaged[at] = byte;
                if let Ok(text) = String::from_utf8(damaged) {
                    let _ = compile(&text, &short, "0");
                }
            }
            let _ = compile(&phone[..at], &short, "0");
        }
    }
}
