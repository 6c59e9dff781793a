//! Rule 1: emergency numbers are allowed under a policy that blocks everything, and nothing else is.

#![cfg(feature = "compile")]

mod common;

use common::{Random, index};
use tollgate::compile::plan::BUILT_IN;
use tollgate::{Action, Dialling, NumberType, NumberingPlan, Query, Reason};

const NOTHING_PASSES: &str = r#"
[site]
home = "SK"
outside_line = "9"
extensions = [5]
[profiles.default.outbound]
anonymous = "block"
internal = "block"
short = "block"
invalid = "block"
unassigned = "block"
default = "block"
[profiles.no-line.outbound]
default = "block"
"#;

/// In every region, the strings that the plan calls emergency numbers (825 in 240 regions:
/// libphonenumber's `isEmergencyNumber`, asked of every string of up to six digits) pass, with and
/// without the outside-line digit. Of all strings of up to four digits, and of some with up to
/// twelve, no other passes, unless it begins with one where exchanges ignore what follows.
#[test]
fn emergency_numbers_pass_and_nothing_else() {
    let index = index(NOTHING_PASSES);
    let plan = NumberingPlan::from_bytes(BUILT_IN).unwrap();
    let (mut numbers, mut regions) = (0, 0);
    for home in plan.regions() {
        let query = Query::new().home(home);
        let found = plan.emergency_numbers(home);
        numbers += found.len();
        regions += usize::from(!found.is_empty());
        for number in &found {
            for dialled in [number.clone(), format!("9{number}"), format!(" {number} "), format!("sip:{number}@pbx")] {
                let verdict = index.screen_with(&query, dialled.as_bytes()).unwrap();
                assert_eq!(
                    (verdict.action, verdict.reason),
                    (Action::Allow, Reason::Emergency),
                    "{dialled} in {home}: {verdict}"
                );
            }
        }
        let ignores = plan.emergency_ignores_trailing_digits(home);
        let connects = |text: &str| found.iter().any(|e| if ignores { text.starts_with(e) } else { text == e });
        // Every string of up to four digits, and some longer ones.
        let longer = (0..2000).map(|n| Random(n).digits(5 + n as usize % 8));
        for dialled in (0..11_110).map(up_to_four_digits).chain(longer) {
            let verdict = index.screen_with(&query, dialled.as_bytes()).unwrap();
            let is_emergency = verdict.reason == Reason::Emergency;
            assert_eq!(verdict.action == Action::Allow, is_emergency, "{dialled} in {home}: {verdict}");
            if is_emergency {
                assert!(connects(&dialled) || dialled.strip_prefix('9').is_some_and(connects), "{dialled} in {home}");
            }
            if found.contains(&dialled) {
                assert!(is_emergency, "{dialled} in {home}");
            }
            if dialled.len() != 4 {
                let plus = format!("+{dialled}");
                let verdict = index.screen_with(&query, plus.as_bytes()).unwrap();
                assert_eq!(verdict.action, Action::Block, "{plus} in {home}");
            }
        }
    }
    assert_eq!((numbers, regions), (825, 240));
}

/// The nth string of digits, the shorter ones first.
fn up_to_four_digits(n: u32) -> String {
    match n {
        0..10 => format!("{n}"),
        10..110 => format!("{:02}", n - 10),
        110..1110 => format!("{:03}", n - 110),
        _ => format!("{:04}", n - 1110),
    }
}

/// A hand that shakes presses a key too many: exchanges connect such a call, everywhere but in Brazil,
/// Chile and Nicaragua, where the number must be exact. Of wholes that somebody has as a number, other
/// tests tell.
#[test]
fn digits_behind_an_emergency_number_still_connect() {
    let index = index("[site]\nhome = \"SK\"\n[profiles.default.outbound]\ndefault = \"block\"\n");
    let plan = NumberingPlan::from_bytes(BUILT_IN).unwrap();
    let mut exact_only = Vec::new();
    let mut connected = 0;
    for home in plan.regions() {
        let query = Query::new().home(home);
        let found = plan.emergency_numbers(home);
        let ignores = !["BR", "CL", "NI"].contains(&home.as_str());
        if !ignores {
            exact_only.push(home.to_string());
        }
        for number in &found {
            for behind in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "12", "99", "555"] {
                let dialled = format!("{number}{behind}");
                let assigned = plan.read(home, &dialled).is_some_and(|n| plan.classify(&n).1 != NumberType::Unknown);
                if assigned || found.contains(&dialled) {
                    continue;
                }
                let verdict = index.screen_with(&query, dialled.as_bytes()).unwrap();
                assert_eq!(verdict.reason == Reason::Emergency, ignores, "{dialled} in {home}: {verdict}");
                connected += u32::from(ignores);
            }
        }
    }
    exact_only.sort();
    assert_eq!(exact_only, ["BR", "CL", "NI"]);
    assert!(connected > 8_000, "{connected} strings were asked");
}

/// A call abroad is never taken for an emergency call because its international prefix begins
/// like one, whatever the outside-line digit.
#[test]
fn calls_abroad_are_no_emergency_calls() {
    let plan = NumberingPlan::from_bytes(BUILT_IN).unwrap();
    let mut read = 0;
    for home in plan.regions() {
        for prefix in ["00", "011", "0011", "001", "002", "009", "010", "810", "119", "000", "007", "99", "17"] {
            // Latvian premium numbers, one of them over-dialled.
            for number in ["37190000000", "371900000001234"] {
                let dialled = format!("{prefix}{number}");
                if plan.read(home, &dialled).is_some_and(|n| n.as_str() == number) {
                    read += 1;
                    assert!(
                        matches!(plan.dial(home, &dialled), Dialling::Number(_)),
                        "{dialled} in {home}: {:?}",
                        plan.dial(home, &dialled)
                    );
                    for line in '0'..='9' {
                        let index = line_index(line);
                        let verdict =
                            index.screen_with(&Query::new().home(home), format!("{line}{dialled}").as_bytes());
                        assert_ne!(verdict.unwrap().reason, Reason::Emergency, "{line}{dialled} in {home}");
                    }
                }
            }
        }
    }
    assert!(read > 400, "{read} international prefixes were understood");
}

fn line_index(line: char) -> &'static tollgate::Index {
    use std::sync::LazyLock;
    static INDEXES: LazyLock<Vec<tollgate::Index>> = LazyLock::new(|| {
        ('0'..='9').map(|line| index(&format!("[site]\nhome = \"SK\"\noutside_line = \"{line}\"\n"))).collect()
    });
    &INDEXES[line as usize - '0' as usize]
}
