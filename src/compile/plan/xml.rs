//! libphonenumber's metadata files as plain structures.

use super::PlanError;
use std::collections::BTreeMap;

/// The two metadata files are read alike and hold different things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum File {
    /// `PhoneNumberMetadata.xml`
    Phone,
    /// `ShortNumberMetadata.xml`
    Short,
}

impl File {
    pub(super) fn name(self) -> &'static str {
        match self {
            File::Phone => "PhoneNumberMetadata.xml",
            File::Short => "ShortNumberMetadata.xml",
        }
    }
}

/// More elements than ten times today's files have.
const MAX_NODES: u32 = 4_000_000;
/// Lengths are kept as bits of a `u32`; no number is longer than 17 digits behind its code.
const MAX_LENGTH: u32 = 31;

/// What the metadata says about one kind of number in one territory (`fixedLine`, `emergency`, …).
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// `nationalNumberPattern`, without white space.
    pub(super) pattern: String,
    /// `possibleLengths national`: bit n says that n digits are possible.
    pub(super) lengths: u32,
    /// `possibleLengths localOnly`: lengths that are dialled only inside an area.
    pub(super) local_lengths: u32,
}

/// A `<territory>`.
#[derive(Clone, Debug)]
pub(super) struct Territory {
    /// ISO 3166-1 alpha-2, or `001`.
    pub(super) id: String,
    /// 0 in the short numbers' file.
    pub(super) calling_code: u16,
    pub(super) is_main: bool,
    pub(super) international_prefix: Option<String>,
    /// `nationalPrefixForParsing`, or the `nationalPrefix` where there is none.
    pub(super) national_prefix: Option<String>,
    pub(super) transform_rule: Option<String>,
    pub(super) leading_digits: Option<String>,
    pub(super) descriptions: BTreeMap<String, Description>,
    /// The lengths of all kinds but `noInternationalDialling` together: the metadata gives
    /// `generalDesc` none of its own (libphonenumber's `BuildMetadataFromXml` sums them up so).
    pub(super) lengths: u32,
    pub(super) local_lengths: u32,
}

impl Territory {
    /// What errors call it: `SK`, or `001 (+883)`.
    pub(super) fn label(&self) -> String {
        if self.id == "001" { format!("001 (+{})", self.calling_code) } else { self.id.clone() }
    }

    /// The lengths that count for a kind of number.
    pub(super) fn lengths_of(&self, kind: &str, description: &Description) -> u32 {
        if kind == "generalDesc" { self.lengths } else { description.lengths }
    }
}

/// Reads a metadata file.
pub(super) fn read(file: File, text: &str) -> Result<Vec<Territory>, PlanError> {
    let xml = |what: String| PlanError::Xml { file: file.name(), what };
    // The files begin with a document type that declares their elements.
    let options = roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| xml(e.to_string()))?;
    let territories = document
        .descendants()
        .filter(|node| node.has_tag_name("territory"))
        .map(|node| territory(file, node))
        .collect::<Result<Vec<_>, _>>()?;
    if territories.is_empty() {
        return Err(xml("there is no <territory> in it".to_owned()));
    }
    Ok(territories)
}

fn territory(file: File, node: roxmltree::Node<'_, '_>) -> Result<Territory, PlanError> {
    let id = node.attribute("id").unwrap_or_default().to_owned();
    let fail = |element: &str, what: String| PlanError::Territory {
        file: file.name(),
        territory: if id.is_empty() { "(no id)".to_owned() } else { id.clone() },
        element: element.to_owned(),
        what,
    };
    if crate::Region::new(&id).is_none_or(|region| region.as_str() != id) {
        return Err(fail("id", format!("{id:?} is neither two capital letters nor 001")));
    }
    let calling_code = match (file, node.attribute("countryCode")) {
        (File::Short, None) => 0,
        (_, None) => return Err(fail("countryCode", "it is missing".to_owned())),
        (_, Some(code)) => match code.parse::<u16>() {
            Ok(number) if (1..=999).contains(&number) && number.to_string() == code => number,
            _ => return Err(fail("countryCode", format!("{code:?} is no calling code (1 to 999)"))),
        },
    };
    let attribute = |name: &str| node.attribute(name).map(without_white_space).filter(|value| !value.is_empty());
    let mut territory = Territory {
        calling_code,
        is_main: node.attribute("mainCountryForCode") == Some("true"),
        international_prefix: attribute("internationalPrefix"),
        national_prefix: attribute("nationalPrefixForParsing").or_else(|| attribute("nationalPrefix")),
        transform_rule: attribute("nationalPrefixTransformRule"),
        leading_digits: attribute("leadingDigits"),
        descriptions: BTreeMap::new(),
        lengths: 0,
        local_lengths: 0,
        id: id.clone(),
    };
    for kind in node.children().filter(roxmltree::Node::is_element) {
        let name = kind.tag_name().name();
        let mut description = Description::default();
        let mut has_pattern = false;
        for part in kind.children().filter(roxmltree::Node::is_element) {
            match part.tag_name().name() {
                "nationalNumberPattern" => {
                    description.pattern = without_white_space(part.text().unwrap_or_default());
                    has_pattern = true;
                }
                "possibleLengths" => {
                    let read = |attribute| lengths(part.attribute(attribute).unwrap_or_default());
                    description.lengths = read("national").map_err(|what| fail(name, what))?;
                    description.local_lengths = read("localOnly").map_err(|what| fail(name, what))?;
                }
                _ => {}
            }
        }
        if !has_pattern {
            continue;
        }
        if description.pattern.is_empty() {
            return Err(fail(name, "its nationalNumberPattern is empty".to_owned()));
        }
        if name != "generalDesc" && name != "noInternationalDialling" {
            territory.lengths |= description.lengths;
            territory.local_lengths |= description.local_lengths;
        }
        territory.descriptions.insert(name.to_owned(), description);
    }
    territory.local_lengths &= !territory.lengths;
    if !territory.descriptions.contains_key("generalDesc") {
        return Err(fail("generalDesc", "it is missing".to_owned()));
    }
    Ok(territory)
}

/// `7,[9-11]` as bits; `-1` says that there are none.
fn lengths(list: &str) -> Result<u32, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<u32>()
            .ok()
            .filter(|&n| n <= MAX_LENGTH)
            .ok_or_else(|| format!("{text:?} in possibleLengths is no length from 0 to {MAX_LENGTH}"))
    };
    let mut bits = 0;
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "-1") {
        match part.strip_prefix('[').and_then(|range| range.strip_suffix(']')) {
            Some(range) => {
                let (first, last) =
                    range.split_once('-').ok_or_else(|| format!("{part:?} in possibleLengths is no range"))?;
                for n in number(first)?..=number(last)? {
                    bits |= 1 << n;
                }
            }
            None => bits |= 1 << number(part)?,
        }
    }
    Ok(bits)
}

fn without_white_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bits() {
        assert_eq!(lengths("7,[9-11]").unwrap(), 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11);
        assert_eq!(lengths("-1").unwrap(), 0);
        assert_eq!(lengths("").unwrap(), 0);
        for bad in ["x", "32", "[3]", "[a-4]", "[3-99]", "4294967296"] {
            assert!(lengths(bad).is_err(), "{bad}");
        }
    }

    fn wrong(xml: &str) -> String {
        read(File::Phone, xml).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_territory_and_the_element() {
        let general = "<generalDesc><nationalNumberPattern>\\d</nationalNumberPattern></generalDesc>";
        let text = wrong(&format!("<t><territory id=\"XX\" countryCode=\"zero\">{general}</territory></t>"));
        assert!(text.contains("XX") && text.contains("countryCode") && text.contains("zero"), "{text}");
        let text = wrong("<t><territory id=\"XX\" countryCode=\"99\"/></t>");
        assert!(text.contains("XX") && text.contains("generalDesc"), "{text}");
        let text = wrong(
            "<t><territory id=\"XX\" countryCode=\"99\"><pager><possibleLengths national=\"[2-x]\"/></pager></territory></t>",
        );
        assert!(text.contains("pager"), "{text}");
        assert!(wrong("<t><territory id=\"xx1\" countryCode=\"99\"/></t>").contains("xx1"));
        assert!(wrong("<t/>").contains("no <territory>"));
        assert!(wrong("<t>").contains("PhoneNumberMetadata.xml"));
    }

    #[test]
    fn general_lengths_are_the_sum_of_the_kinds() {
        let xml = "<t><territory id=\"XX\" countryCode=\"99\">
            <generalDesc><nationalNumberPattern>[1-9] \\d{4}</nationalNumberPattern></generalDesc>
            <fixedLine><possibleLengths national=\"5\" localOnly=\"3,6\"/><nationalNumberPattern>1\\d{4}</nationalNumberPattern></fixedLine>
            <mobile><possibleLengths national=\"6\"/><nationalNumberPattern>2\\d{5}</nationalNumberPattern></mobile>
            </territory></t>";
        let territories = read(File::Phone, xml).unwrap();
        assert_eq!(territories[0].lengths, 1 << 5 | 1 << 6);
        assert_eq!(territories[0].local_lengths, 1 << 3);
        assert_eq!(territories[0].descriptions["generalDesc"].pattern, "[1-9]\\d{4}");
    }
}
