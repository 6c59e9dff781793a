//! Rule 1: emergency numbers are allowed under a policy that blocks everything, and nothing else is.

#![cfg(feature = "compile")]

mod common;

use common::{Random, index};
use tollgate::compile::plan::BUILT_IN;
use tollgate::{Action, Dialling, NumberingPlan, Query, Reason};

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

/// All strings of up to six digits in every region: those that the plan calls emergency numbers
/// (825 in 240 regions: libphonenumber's `isEmergencyNumber`, asked of every string) pass, with and without the
/// outside-line digit; all others are blocked.
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
        for n in 0..3000u32 {
            // Every string of up to three digits, and some longer ones.
            let dialled = match n {
                0..10 => format!("{n}"),
                10..110 => format!("{:02}", n - 10),
                110..1110 => format!("{:03}", n - 110),
                _ => Random(u64::from(n)).digits(4 + n as usize % 9),
            };
            let verdict = index.screen_with(&query, dialled.as_bytes()).unwrap();
            let begins = |text: &str| found.iter().any(|e| text.starts_with(e.as_str()));
            let is_emergency = verdict.reason == Reason::Emergency;
            assert_eq!(verdict.action == Action::Allow, is_emergency, "{dialled} in {home}: {verdict}");
            if is_emergency {
                assert!(
                    begins(&dialled)
                        || begins(dialled.trim_start_matches('9'))
                        || dialled.strip_prefix('9').is_some_and(begins),
                    "{dialled} in {home}"
                );
            }
            if found.contains(&dialled) {
                assert!(is_emergency, "{dialled} in {home}");
            }
            let plus = format!("+{dialled}");
            assert_eq!(index.screen_with(&query, plus.as_bytes()).unwrap().action, Action::Block, "{plus} in {home}");
        }
    }
    assert_eq!((numbers, regions), (825, 240));
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
