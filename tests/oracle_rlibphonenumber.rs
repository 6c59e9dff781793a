//! The numbering plan and the dial plan answer like libphonenumber, asked through the port
//! `rlibphonenumber`, whose metadata is of the same release.
//!
//! Every run tries other numbers. It prints its seed; `TOLLGATE_SEED` repeats it.
#![cfg(feature = "compile")]

use metadata::{Home, Random, mutated, sampled};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType, get_national_significant_number_owned};
use tollgate::{Number, NumberType, NumberingPlan, Region, compile::plan::BUILT_IN};

mod metadata;

const NUMBERS: usize = 100_000;
const DIALLED: usize = 100_000;

fn their_type(number: &PhoneNumber) -> NumberType {
    match PHONE_NUMBER_UTIL.get_number_type(number) {
        PhoneNumberType::FixedLine => NumberType::FixedLine,
        PhoneNumberType::Mobile => NumberType::Mobile,
        PhoneNumberType::FixedLineOrMobile => NumberType::FixedLineOrMobile,
        PhoneNumberType::TollFree => NumberType::TollFree,
        PhoneNumberType::PremiumRate => NumberType::PremiumRate,
        PhoneNumberType::SharedCost => NumberType::SharedCost,
        PhoneNumberType::VoIP => NumberType::Voip,
        PhoneNumberType::PersonalNumber => NumberType::PersonalNumber,
        PhoneNumberType::Pager => NumberType::Pager,
        PhoneNumberType::UAN => NumberType::Uan,
        PhoneNumberType::VoiceMail => NumberType::Voicemail,
        PhoneNumberType::Unknown => NumberType::Unknown,
    }
}

fn their_region(number: &PhoneNumber) -> String {
    PHONE_NUMBER_UTIL.get_region_for_number(number).map(|region| region.to_string()).unwrap_or_default()
}

fn their_digits(number: &PhoneNumber) -> String {
    format!("{}{}", number.country_code, get_national_significant_number_owned(number))
}

/// Compares region and type; says what differs. Western Sahara is ours on purpose.
fn difference(plan: &NumberingPlan, number: &PhoneNumber) -> Option<String> {
    let digits = their_digits(number);
    let ours = plan.classify(&Number::from_digits(digits.as_bytes()).expect("digits"));
    let theirs = (their_region(number), their_type(number));
    let sahara = ours.0.as_str() == "EH" && theirs.0 == "MA" && ours.1 == theirs.1;
    (!sahara && (ours.0.as_str(), ours.1) != (theirs.0.as_str(), theirs.1))
        .then(|| format!("+{digits}: we say {ours:?}, they say {theirs:?}"))
}

fn setup() -> (NumberingPlan, Vec<Home>, Random) {
    let plan = NumberingPlan::from_bytes(BUILT_IN).expect("the built-in plan");
    (plan, metadata::homes(&metadata::metadata().phone), Random::from_environment())
}

#[test]
fn numbers_have_the_same_region_and_type() {
    let (plan, homes, mut random) = setup();
    let mut wrong = Vec::new();
    let mut assigned = 0;
    for i in 0..NUMBERS {
        let home = random.of(&homes);
        let national = if i % 4 == 0 {
            let count = 2 + random.below(14);
            random.digits(count)
        } else {
            let number = sampled(random.of(&home.numbers), &mut random);
            mutated(&number, &mut random)
        };
        let zeros = national.len() - national.trim_start_matches('0').len();
        // As libphonenumber stores it: the value, and how many zeros precede it.
        let zeros = zeros.min(national.len() - 1);
        let number = PhoneNumber {
            country_code: home.calling_code.parse().unwrap(),
            national_number: national.parse().unwrap(),
            italian_leading_zero: (zeros > 0).then_some(true),
            number_of_leading_zeros: (zeros > 1).then_some(zeros as i32),
            ..Default::default()
        };
        assert_eq!(their_digits(&number), format!("{}{national}", home.calling_code));
        assigned += usize::from(their_type(&number) != NumberType::Unknown);
        wrong.extend(difference(&plan, &number));
    }
    println!("{NUMBERS} numbers, {assigned} of them assigned, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{} of {NUMBERS} differ, first: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

/// Something that is dialled in `home`.
fn dialled(home: &Home, homes: &[Home], random: &mut Random) -> String {
    let of = |home: &Home, random: &mut Random| {
        let number = sampled(random.of(&home.numbers), random);
        if random.below(2) == 0 { mutated(&number, random) } else { number }
    };
    let prefix = |pattern: &Option<regex_syntax::hir::Hir>, random: &mut Random| {
        pattern.as_ref().map(|pattern| sampled(pattern, random)).unwrap_or_default()
    };
    let own = of(home, random);
    let abroad = random.of(homes);
    let abroad = format!("{}{}", abroad.calling_code, of(abroad, random));
    let international = prefix(&home.international_prefix, random);
    let for_parsing = prefix(&home.prefix_for_parsing, random);
    let code = &home.calling_code;
    let national_prefix = home.national_prefix.clone().unwrap_or_default();
    match random.below(16) {
        0 => own,
        1 | 2 => format!("{national_prefix}{own}"),
        3 => format!("{for_parsing}{own}"),
        4 => for_parsing,
        5 => format!("{}{own}", &for_parsing[..random.below(for_parsing.len() + 1)]),
        6 => format!("+{code}{national_prefix}{own}"),
        7 => format!("+{code}{for_parsing}{own}"),
        8 => format!("{code}{own}"),
        9 | 10 => format!("{international}{abroad}"),
        11 => format!("{international}0{abroad}"),
        12 => format!("+{}", mutated(&format!("{international}{abroad}"), random)),
        13 => {
            let count =
                if home.local_lengths.is_empty() { 3 + random.below(12) } else { *random.of(&home.local_lengths) };
            random.digits(count)
        }
        14 => format!("{international}{}", mutated(&abroad, random)),
        _ => {
            let count = 3 + random.below(13);
            random.digits(count)
        }
    }
}

/// Separators between digits, as people write them.
fn written(digits: &str, random: &mut Random) -> String {
    if random.below(2) == 0 {
        return digits.to_owned();
    }
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 1 && random.below(5) == 0 {
            let separator: &&str = random.of(&[" ", "-", ".", "/", " - ", "\u{a0}", "\u{2011}"]);
            text.push_str(separator);
        }
        text.push(c);
    }
    text
}

#[test]
fn dialled_strings_are_the_same_numbers() {
    let (plan, homes, mut random) = setup();
    let dialling: Vec<&Home> = homes.iter().filter(|home| home.id != "001").collect();
    assert_eq!(dialling.len(), 245);
    let (mut wrong, mut read, mut refused) = (Vec::new(), 0, 0);
    for i in 0..DIALLED {
        // Every region in turn.
        let home = dialling[i % dialling.len()];
        let text = dialled(home, &homes, &mut random);
        let text = written(&text, &mut random);
        let Ok(theirs) = PHONE_NUMBER_UTIL.parse(&text, home.id.parse().ok()) else {
            refused += 1;
            continue;
        };
        // Withheld spellings aside, what they read we read.
        read += 1;
        let ours = plan.read(Region::new(&home.id).unwrap(), &text);
        if ours.map(|number| number.as_str().to_owned()) != Some(their_digits(&theirs)) {
            wrong.push(format!("{text} in {}: we read {ours:?}, they +{}", home.id, their_digits(&theirs)));
        } else {
            wrong.extend(difference(&plan, &theirs));
        }
    }
    println!("{DIALLED} dialled strings, {refused} refused by libphonenumber, {read} compared, {} differ", wrong.len());
    assert!(wrong.is_empty(), "{} of {read} differ, first: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
