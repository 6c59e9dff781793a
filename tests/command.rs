//! The `tollgate` command keeps its contract: answers, formats, exit codes, and what it says about
//! mistakes.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // a test's helpers may panic as well as its functions

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

mod metadata;

const SUBCOMMANDS: [&str; 9] = ["init", "build", "lint", "screen", "explain", "inspect", "verify", "diff", "plan"];

const KEYS: [&str; 11] =
    ["input", "e164", "region", "type", "action", "reason", "rule", "list", "matched", "profile", "would_block"];

const POLICY: &str = r#"[policy]
name = "acme"

[site]
home = "SK"
outside_line = "9"
extensions = [3]

[lists.partners]
action = "allow"
entries = ["+371 2612 0000"]

[lists.blacklist]
action = "block"
files = ["numbers.csv"]
entries = ["+4930*", "raw:*77*", "118*"]

[lists.trial]
action = "log"
entries = ["+431*"]

[profiles.default.outbound]
lists = ["partners", "blacklist", "trial"]
countries.block = ["LV"]
types.block = ["premium_rate", "satellite"]

[profiles.default.inbound]
lists = ["blacklist"]
anonymous = "block"

[profiles.open.outbound]
default = "allow"
"#;

const NUMBERS: &str = "number,expires,note\n+44 20 7946 0000,2190-01-01,ticket 4711\n+44 20 7946 0001,,\n";

fn tollgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for variable in ["SOURCE_DATE_EPOCH", "CLICOLOR_FORCE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    tollgate().current_dir(folder).args(args).stdin(Stdio::null()).output().unwrap()
}

fn run_with_input(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut command = tollgate();
    command.current_dir(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

#[track_caller]
fn expect(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", out(output), err(output));
    assert!(!err(output).contains("panicked"), "{}", err(output));
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", out(output), err(output)))
}

/// A folder with `policy.toml`, its list, and the index `policy.tgx` made of them.
fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    fs::write(folder.path().join("numbers.csv"), NUMBERS).unwrap();
    let output = run(folder.path(), &["build", "policy.toml", "-o", "policy.tgx"]);
    expect(&output, 0);
    folder
}

fn answer(folder: &Path, args: &[&str]) -> (Value, i32) {
    let output = run(folder, &[&["screen", "--format", "jsonl"], args].concat());
    (json(&output), output.status.code().unwrap())
}

#[test]
fn a_new_user_gets_answers_with_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["screen", "--home", "SK", "+37126123456", "+421905123456", "112", "0900123456"]);
    expect(&output, 1);
    assert_eq!(
        out(&output),
        "block  country LV         +37126123456   LV mobile\n\
         allow  default            +421905123456  SK mobile\n\
         allow  emergency          112\n\
         block  type premium_rate  +421900123456  SK premium_rate  (dialled 0900123456)\n"
    );
    assert_eq!(err(&output), "", "a hint is for terminals");
    // The answers stay when nobody says where home is, and home is never blocked.
    expect(&run(folder.path(), &["screen", "112"]), 0);
    expect(&run(folder.path(), &["screen", "--home", "LV", "26123456"]), 0);
}

#[test]
fn exit_codes_are_0_1_and_2() {
    let folder = built();
    let folder = folder.path();
    expect(&run(folder, &["screen", "--index", "policy.tgx", "+421905123456"]), 0);
    expect(&run(folder, &["screen", "--index", "policy.tgx", "+421905123456", "+37126123456"]), 1);
    expect(&run(folder, &["screen", "--index", "missing.tgx", "1"]), 2);
    expect(&run(folder, &["screen", "--policy", "missing.toml", "1"]), 2);
    expect(&run(folder, &["screen", "--index", "policy.toml", "1"]), 2);
    expect(&run(folder, &["explain", "--index", "policy.tgx", "+421905123456"]), 0);
    expect(&run(folder, &["explain", "--index", "policy.tgx", "+37126123456"]), 1);
    let none = run(folder, &["screen", "--index", "policy.tgx"]);
    expect(&none, 2);
    assert!(err(&none).contains("Usage: tollgate screen"), "{}", err(&none));
    expect(&run(folder, &["screen", "-", "112"]), 2);
    expect(&run(folder, &["screen", "--home", "Slovakia", "112"]), 2);
    expect(&run(folder, &["screen", "--index", "policy.tgx", "--policy", "policy.toml", "112"]), 2);
    expect(&run(folder, &[]), 2);
    for unknown in [&["screen", "--home", "XX", "112"][..], &["screen", "--index", "policy.tgx", "--home", "XX", "112"]]
    {
        let output = run(folder, unknown);
        expect(&output, 2);
        assert!(err(&output).starts_with("error: the numbering plan has no region \"XX\""), "{}", err(&output));
    }
}

#[test]
fn a_json_line_has_the_contracts_keys_in_order() {
    let folder = built();
    let folder = folder.path();
    for args in [&["+37126123456"][..], &["anonymous"], &["112"], &["118"], &["rubbish"], &["+431234567"]] {
        let output = run(folder, &[&["screen", "--index", "policy.tgx", "--format", "jsonl"], args].concat());
        let text = out(&output);
        assert_eq!(text.lines().count(), 1);
        // This crate's serde_json keeps the order of the text.
        let value: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, KEYS, "{text}");
    }
}

#[test]
fn a_json_line_says_what_decided() {
    let folder = built();
    let ask = |args: &[&str]| answer(folder.path(), &[&["--index", "policy.tgx"], args].concat());
    let check = |args: &[&str], wanted: &str| {
        let (mut value, _) = ask(args);
        value.as_object_mut().unwrap().remove("input");
        let wanted: Value = serde_json::from_str(wanted).unwrap();
        assert_eq!(value, wanted, "{args:?}");
    };
    check(
        &["900371 2612 3456"],
        r#"{"e164":"+37126123456","region":"LV","type":"mobile","action":"block","reason":"country","rule":"LV",
            "list":null,"matched":3,"profile":"default","would_block":false}"#,
    );
    check(
        &["+37126120000"],
        r#"{"e164":"+37126120000","region":"LV","type":"mobile","action":"allow","reason":"list",
            "rule":"+37126120000","list":"partners","matched":11,"profile":"default","would_block":false}"#,
    );
    check(
        &["+493012345678"],
        r#"{"e164":"+493012345678","region":"DE","type":"fixed_line","action":"block","reason":"list","rule":"+4930*",
            "list":"blacklist","matched":4,"profile":"default","would_block":false}"#,
    );
    check(
        &["*77#"],
        r#"{"e164":null,"region":null,"type":null,"action":"block","reason":"list","rule":"raw:*77",
            "list":"blacklist","matched":3,"profile":"default","would_block":false}"#,
    );
    check(
        &["1181"],
        r#"{"e164":null,"region":null,"type":null,"action":"block","reason":"list","rule":"118*",
            "list":"blacklist","matched":3,"profile":"default","would_block":false}"#,
    );
    check(
        &["0900123456"],
        r#"{"e164":"+421900123456","region":"SK","type":"premium_rate","action":"block","reason":"type",
            "rule":"premium_rate","list":null,"matched":12,"profile":"default","would_block":false}"#,
    );
    check(
        &["+43 1 58858 0"],
        r#"{"e164":"+431588580","region":"AT","type":"fixed_line","action":"allow","reason":"default","rule":null,
            "list":null,"matched":0,"profile":"default","would_block":true}"#,
    );
    check(
        &["112"],
        r#"{"e164":null,"region":null,"type":null,"action":"allow","reason":"emergency","rule":null,"list":null,
            "matched":0,"profile":"default","would_block":false}"#,
    );
    check(
        &["--inbound", "anonymous"],
        r#"{"e164":null,"region":null,"type":null,"action":"block","reason":"anonymous","rule":null,"list":null,
            "matched":0,"profile":"default","would_block":false}"#,
    );
    check(
        &["--profile", "open", "+37126123456"],
        r#"{"e164":"+37126123456","region":"LV","type":"mobile","action":"allow","reason":"default","rule":null,
            "list":null,"matched":0,"profile":"open","would_block":false}"#,
    );
    // An over-dialled premium number keeps its unknown type.
    let (over, code) = ask(&["+4219001234567777"]);
    assert_eq!(
        (&over["type"], &over["reason"], &over["rule"], code),
        (&"unknown".into(), &"type".into(), &"premium_rate".into(), 1)
    );
    // The satellite class is a rule, never a type.
    let (satellite, _) = ask(&["+881612345678"]);
    assert_eq!((&satellite["reason"], &satellite["rule"]), (&"type".into(), &"satellite".into()));
    assert_ne!(satellite["type"], "satellite");
    // Another home reads another number.
    let (german, _) = ask(&["--home", "DE", "089 1234567"]);
    assert_eq!(german["e164"], "+49891234567");
}

#[test]
fn csv_has_a_head_and_the_same_columns() {
    let folder = built();
    let output =
        run(folder.path(), &["screen", "--index", "policy.tgx", "--format", "csv", "+43 1 58858,0", "+37126123456"]);
    expect(&output, 1);
    assert_eq!(
        out(&output),
        format!(
            "{}\n\"+43 1 58858,0\",+43158858,AT,fixed_line,allow,default,,,0,default,true\n\
             +37126123456,+37126123456,LV,mobile,block,country,LV,,3,default,false\n",
            KEYS.join(",")
        )
    );
    let empty = run_with_input(folder.path(), &["screen", "--index", "policy.tgx", "--format", "csv", "-"], b"");
    expect(&empty, 0);
    assert_eq!(out(&empty), format!("{}\n", KEYS.join(",")));
}

#[test]
fn text_names_the_shadow_list_and_obeys_no_control_characters() {
    let folder = built();
    let output = run(folder.path(), &["screen", "--index", "policy.tgx", "+431588580", "a\u{1b}[2Jb"]);
    assert!(out(&output).contains("(list trial would have blocked it)"), "{}", out(&output));
    assert!(!out(&output).contains('\u{1b}'), "{:?}", out(&output));
}

#[test]
fn standard_input_is_answered_line_by_line_in_order() {
    let folder = built();
    let mut input = Vec::new();
    for i in 0..20_000u32 {
        let end: &[u8] = if i % 2 == 0 { b"\r\n" } else { b"\n" };
        input.extend(format!("+4219{:08}", i * 37 % 100_000_000).as_bytes());
        input.extend(end);
    }
    input.extend(b"\n112"); // an empty line, and one without an end
    let output = run_with_input(folder.path(), &["screen", "--index", "policy.tgx", "--format", "jsonl", "-"], &input);
    expect(&output, 1);
    let asked: Vec<String> =
        input.split(|&b| b == b'\n').map(|l| String::from_utf8_lossy(l).trim_end_matches('\r').to_owned()).collect();
    let answered: Vec<String> = out(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["input"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(answered, asked);
    for format in ["text", "csv"] {
        let output =
            run_with_input(folder.path(), &["screen", "--index", "policy.tgx", "--format", format, "-"], &input);
        assert_eq!(out(&output).lines().count(), asked.len() + usize::from(format == "csv"), "{format}");
    }
}

#[test]
fn an_answer_does_not_wait_for_the_next_question() {
    let folder = built();
    let mut command = tollgate();
    command.current_dir(folder.path()).args(["screen", "--index", "policy.tgx", "--format", "jsonl", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for (asked, reason) in [("112\n", "emergency"), ("+37126123456\n+3712", "country"), ("6123456\n", "country")] {
        stdin.write_all(asked.as_bytes()).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains(reason), "{line}");
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn any_bytes_and_any_length_get_an_answer() {
    let folder = built();
    let mut input = b"\xff\xfe\x00+371\n".to_vec();
    input.extend(vec![b'1'; 3_000_000]);
    input.extend(b"\n112\n");
    let output = run_with_input(folder.path(), &["screen", "--index", "policy.tgx", "--format", "jsonl", "-"], &input);
    expect(&output, 1);
    let text = out(&output);
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<&str> = answers.iter().map(|a| a["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["invalid", "invalid", "emergency"]);
    assert!(answers[0]["input"].as_str().unwrap().starts_with("\u{fffd}\u{fffd}\0+371"));
    let output = run_with_input(folder.path(), &["screen", "--index", "policy.tgx", "-"], &input);
    expect(&output, 1);
    assert_eq!(out(&output).lines().count(), 3);
}

#[cfg(unix)]
#[test]
fn an_argument_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let mut command = tollgate();
    command.args(["screen", "--home", "SK", "--format", "jsonl"]).arg(OsStr::from_bytes(b"\xff123"));
    let output = command.output().unwrap();
    expect(&output, 1);
    assert_eq!(json(&output)["input"], "\u{fffd}123");
}

#[test]
fn a_closed_pipe_ends_the_command_quietly() {
    let folder = built();
    let numbers = "+37126123456\n".repeat(200_000);
    fs::write(folder.path().join("numbers.txt"), numbers).unwrap();
    for format in ["text", "jsonl", "csv"] {
        let mut command = tollgate();
        command.current_dir(folder.path()).args(["screen", "--index", "policy.tgx", "--format", format, "-"]);
        command.stdin(fs::File::open(folder.path().join("numbers.txt")).unwrap());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        expect(&output, 1); // what was answered is blocked
        assert_eq!(err(&output), "");
    }
    for args in [
        &["inspect"][..],
        &["explain", "112"],
        &["verify", "policy.tgx"],
        &["diff", "policy.tgx", "policy.tgx"],
        &["plan", "--show"],
        &["screen", "112"],
        &["lint", "policy.toml", "--format", "json"],
        &["screen", "--help"],
    ] {
        let mut command = tollgate();
        let mut child = command
            .current_dir(folder.path())
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        expect(&output, 0);
    }
}

#[test]
fn a_damaged_index_is_refused() {
    let folder = built();
    let path = folder.path().join("policy.tgx");
    let good = fs::read(&path).unwrap();
    let mut damaged = good.clone();
    damaged[good.len() / 2] ^= 1;
    for (bytes, what) in [(&damaged[..], "checksum"), (&good[..good.len() / 3], "bytes"), (b"", "index")] {
        fs::write(&path, bytes).unwrap();
        for args in
            [&["screen", "--index", "policy.tgx", "112"][..], &["inspect", "policy.tgx"], &["verify", "policy.tgx"]]
        {
            let output = run(folder.path(), args);
            expect(&output, 2);
            let said = out(&output) + &err(&output);
            assert!(said.contains("policy.tgx") && said.contains(what), "{args:?}: {said}");
        }
    }
}

#[test]
fn an_unknown_profile_is_an_error_that_names_some() {
    let folder = built();
    let output = run(folder.path(), &["screen", "--index", "policy.tgx", "--profile", "tenant-7", "112"]);
    expect(&output, 2);
    assert_eq!(err(&output), "error: there is no profile \"tenant-7\"; known profiles: default, open\n");
}

#[test]
fn init_build_and_explain_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let output = run(folder, &["init", "--home", "LV"]);
    expect(&output, 0);
    assert!(err(&output).contains("tollgate build policy.toml -o policy.tgx"), "{}", err(&output));
    let again = run(folder, &["init"]);
    expect(&again, 2);
    assert!(err(&again).contains("--force"), "{}", err(&again));
    expect(&run(folder, &["lint", "policy.toml"]), 0);
    expect(&run(folder, &["build", "policy.toml", "-o", "policy.tgx"]), 0);
    let output = run(folder, &["explain", "--index", "policy.tgx", "--format", "json", "90012345"]);
    expect(&output, 1);
    let value = json(&output);
    let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, [&KEYS[..], &["steps"]].concat());
    assert_eq!((&value["e164"], &value["reason"]), (&"+37190012345".into(), &"type".into()));
    expect(&run(folder, &["init", "--force"]), 0);
    assert!(fs::read_to_string(folder.join("policy.toml")).unwrap().contains("home = \"SK\""));
    expect(&run(folder, &["init", "--home", "XX", "other.toml"]), 2);
}

#[test]
fn explain_names_file_line_note_and_end_of_an_entry() {
    let folder = built();
    let ask =
        |format: &str| run(folder.path(), &["explain", "--index", "policy.tgx", "--format", format, "+442079460000"]);
    let output = ask("text");
    expect(&output, 1);
    let text = out(&output);
    assert!(
        text.contains(
            "block list blacklist: +442079460000 at numbers.csv:2: decides; until 2190-01-02T00:00:00Z; ticket 4711"
        ),
        "{text}"
    );
    let value = json(&ask("json"));
    let steps = value["steps"].as_array().unwrap();
    let found = steps.iter().flat_map(|step| step["matches"].as_array().unwrap()).next().unwrap();
    let wanted: Value = serde_json::from_str(
        r#"{"list":"blacklist","action":"block","entry":"+442079460000","file":"numbers.csv","line":2,
            "note":"ticket 4711","expires":"2190-01-02T00:00:00Z","outcome":"decides","covered":12}"#,
    )
    .unwrap();
    assert_eq!(*found, wanted);
}

#[test]
fn a_typing_error_is_shown_with_its_line_and_a_pointer() {
    let folder = tempfile::tempdir().unwrap();
    let policy = POLICY
        .replace("action = \"log\"", "action = \"lgo\"")
        .replace("\"+4930*\"", "\"+49x\"")
        .replace("\"blacklist\", \"trial\"]", "\"blacklst\", \"trial\"]");
    fs::write(folder.path().join("policy.toml"), policy).unwrap();
    fs::write(folder.path().join("numbers.csv"), "number\n+44 20 7946 0000\nnobody\n").unwrap();
    let output = run(folder.path(), &["build", "policy.toml", "-o", "policy.tgx"]);
    expect(&output, 2);
    assert!(!folder.path().join("policy.tgx").exists());
    let said = err(&output);
    for wanted in [
        "\
 --> policy.toml:16:12
   |
16 | entries = [\"+49x\", \"raw:*77*\", \"118*\"]
   |            ^^^^^^",
        "\
error[bad-value]: a list cannot \"lgo\"
  --> policy.toml:19:10
   |
19 | action = \"lgo\"
   |          ^^^^^
   |
   = help: did you mean \"log\"?
",
        "\
error[unknown-list]: there is no list \"blacklst\"
  --> policy.toml:23:22
   |
23 | lists = [\"partners\", \"blacklst\", \"trial\"]
   |                      ^^^^^^^^^^
   |
   = help: did you mean \"blacklist\"?
",
        "\
 --> numbers.csv:3:1
  |
3 | nobody
  | ^^^^^^
",
        "error: policy.toml: 4 errors; no index was made (--skip-bad-lines leaves bad lines of list files out)\n",
    ] {
        assert!(said.contains(wanted), "{wanted}\n--- is not in ---\n{said}");
    }
}

#[test]
fn bad_lines_can_be_skipped_and_are_counted() {
    let folder = built();
    let bad = format!("{NUMBERS}nobody\n{}", "nobody either\n".repeat(500));
    fs::write(folder.path().join("numbers.csv"), bad).unwrap();
    let before = fs::read(folder.path().join("policy.tgx")).unwrap();
    expect(&run(folder.path(), &["build", "policy.toml", "-o", "policy.tgx"]), 2);
    assert_eq!(fs::read(folder.path().join("policy.tgx")).unwrap(), before, "a failed build leaves the index alone");
    let output = run(folder.path(), &["build", "policy.toml", "-o", "policy.tgx", "--skip-bad-lines"]);
    expect(&output, 0);
    let said = err(&output);
    assert!(said.contains("skipped[bad-entry]") && said.contains("numbers.csv:4:1"), "{said}");
    assert!(said.lines().last().unwrap().ends_with("501 lines skipped"), "{said}");
    assert!(said.lines().count() < 200, "{said}");
}

#[test]
fn the_build_time_is_an_input() {
    let folder = built();
    let built = |args: &[&str], epoch: Option<&str>| {
        let mut command = tollgate();
        command.current_dir(folder.path()).args(["build", "policy.toml", "-o", "timed.tgx"]).args(args);
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch);
        }
        let output = command.output().unwrap();
        if output.status.code() != Some(0) {
            return Err(err(&output));
        }
        Ok(json(&run(folder.path(), &["inspect", "timed.tgx", "--format", "json"])))
    };
    assert_eq!(built(&[], None).unwrap()["built"], Value::Null);
    let bytes = fs::read(folder.path().join("timed.tgx")).unwrap();
    assert!(bytes == fs::read(folder.path().join("policy.tgx")).unwrap(), "the same input gives the same bytes");
    assert_eq!(built(&[], Some("1785542400")).unwrap()["built"], "2026-08-01T00:00:00Z");
    let noted = built(&["--build-time", "2026-08-02T10:00:00+02:00", "--by", "ops", "--why", "ticket"], Some("1"));
    let noted = noted.unwrap();
    assert_eq!(
        (&noted["built"], &noted["by"], &noted["why"]),
        (&"2026-08-02T08:00:00Z".into(), &"ops".into(), &"ticket".into())
    );
    assert!(built(&["--build-time", "now"], None).unwrap()["built"].is_string());
    assert!(built(&[], Some("yesterday")).unwrap_err().contains("SOURCE_DATE_EPOCH"));
    assert!(built(&["--build-time", "yesterday"], None).unwrap_err().contains("RFC 3339"));
}

#[test]
fn inspect_shows_what_went_in() {
    let folder = built();
    let built_in = json(&run(folder.path(), &["inspect", "--format", "json"]));
    assert_eq!((&built_in["policy"], &built_in["entries"]), (&"starter".into(), &0.into()));
    let of_index = run(folder.path(), &["inspect", "policy.tgx", "--format", "json"]);
    let of_policy = run(folder.path(), &["inspect", "--policy", "policy.toml", "--format", "json"]);
    expect(&of_index, 0);
    assert_eq!(out(&of_index), out(&of_policy));
    let value = json(&of_index);
    assert_eq!(value["plan"]["metadata_version"], metadata::metadata().version);
    assert_eq!(value["site"]["home"], "SK");
    assert_eq!(value["lists"][1]["name"], "blacklist");
    assert_eq!(value["profiles"], serde_json::json!(["default", "open"]));
    let rules = &value["rules"][0];
    assert_eq!((&rules["profile"], &rules["inbound"]["anonymous"]), (&"default".into(), &"block".into()));
    assert_eq!(rules["outbound"]["lists"], serde_json::json!(["partners", "blacklist", "trial"]));
    assert_eq!(rules["outbound"]["blocked_types"], serde_json::json!(["premium_rate", "satellite"]));
    assert_eq!(rules["outbound"]["blocked_countries"], serde_json::json!(["LV"]));
    assert_eq!(rules["outbound"]["unknown_region_blocked"], false);
    assert_eq!(value["sources"][1]["path"], "numbers.csv");
    assert_eq!(value["sources"][1]["entries"], 2);
    assert_eq!(value["sources"][1]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(value["checksum"].as_str().unwrap().len(), 32);
    let text = run(folder.path(), &["inspect", "policy.tgx"]);
    expect(&text, 0);
    assert!(out(&text).contains("blacklist (block, "), "{}", out(&text));
}

#[test]
fn verify_checks_the_index_and_its_sources() {
    let folder = built();
    let path = folder.path();
    fs::write(path.join("bad.tgx"), "no index").unwrap();
    let output = run(path, &["verify", "policy.tgx", "--sources", "."]);
    expect(&output, 0);
    assert!(out(&output).contains("policy.tgx: checksum "), "{}", out(&output));
    let output = run(path, &["verify", "policy.tgx", "bad.tgx", "--format", "json"]);
    expect(&output, 2);
    let value = json(&output);
    assert_eq!((&value[0]["ok"], &value[1]["ok"]), (&true.into(), &false.into()));
    fs::write(path.join("numbers.csv"), "number\n").unwrap();
    expect(&run(path, &["verify", "policy.tgx"]), 0);
    let output = run(path, &["verify", "policy.tgx", "--sources", "."]);
    expect(&output, 2);
    assert!(out(&output).contains("numbers.csv is not the file"), "{}", out(&output));
}

#[test]
fn diff_says_what_is_different() {
    let folder = built();
    let path = folder.path();
    expect(&run(path, &["diff", "policy.tgx", "policy.tgx"]), 0);
    expect(&run(path, &["diff", "policy.tgx", "missing.tgx"]), 2);
    let policy = POLICY
        .replace("\"+4930*\"", "\"+4931*\"")
        .replace("action = \"log\"", "action = \"block\"")
        .replace("[profiles.open.", "[profiles.lobby.");
    fs::write(path.join("policy.toml"), policy).unwrap();
    let many: String = (0..60).map(|i| format!("+4420794601{i:02},,\n")).collect();
    fs::write(path.join("numbers.csv"), NUMBERS.replace("ticket 4711", "ticket 4712") + &many).unwrap();
    expect(&run(path, &["build", "policy.toml", "-o", "new.tgx"]), 0);
    let output = run(path, &["diff", "policy.tgx", "new.tgx"]);
    expect(&output, 1);
    let text = out(&output);
    for wanted in [
        "  + profile lobby\n  - profile open\n",
        "list trial: log is now block\n",
        "list blacklist: 61 added, 1 removed, 1 changed\n",
        "  - +4930*\n",
        "  + and 11 others (--limit shows more)\n",
        "  ~ +442079460000 (until 2190-01-02T00:00:00Z; ticket 4711) is now until 2190-01-02T00:00:00Z; ticket 4712\n",
    ] {
        assert!(text.contains(wanted), "{wanted}--- is not in ---\n{text}");
    }
    let value = json(&run(path, &["diff", "policy.tgx", "new.tgx", "--format", "json"]));
    assert_eq!(value["entries"][0]["added"].as_array().unwrap().len(), 61);
    assert_eq!(value["entries"][0]["changed"][0]["new"]["note"], "ticket 4712");
    assert_eq!((&value["same"], &value["plan"]), (&false.into(), &Value::Null));
    assert_eq!(value["rules"], serde_json::json!([]));
}

/// Found in review: with nothing but a rule changed, a blocked country gone say, `diff` said "no
/// difference" and ended with 0.
#[test]
fn diff_compares_the_rules_of_profiles() {
    let folder = built();
    let path = folder.path();
    let changed = |policy: String| {
        assert_ne!(policy, POLICY);
        fs::write(path.join("policy.toml"), policy).unwrap();
        expect(&run(path, &["build", "policy.toml", "-o", "new.tgx"]), 0);
        let text = run(path, &["diff", "policy.tgx", "new.tgx"]);
        expect(&text, 1);
        let value = run(path, &["diff", "policy.tgx", "new.tgx", "--format", "json"]);
        expect(&value, 1);
        let value = json(&value);
        assert_eq!(value["same"], false);
        (out(&text), value["rules"].clone())
    };
    let (text, rules) = changed(POLICY.replace("countries.block = [\"LV\"]\n", ""));
    assert_eq!(text, "profile default, outbound: blocked countries\n  - LV\n");
    let wanted = serde_json::json!([{
        "profile": "default", "direction": "outbound", "rule": "blocked_countries", "added": [], "removed": ["LV"],
    }]);
    assert_eq!(rules, wanted);
    let (text, rules) = changed(POLICY.replace("anonymous = \"block\"", "anonymous = \"allow\""));
    assert_eq!(text, "profile default, inbound: anonymous: block is now allow\n");
    assert_eq!((&rules[0]["rule"], &rules[0]["new"]), (&"anonymous".into(), &"allow".into()));
    // The order of lists is a rule, too.
    let (text, rules) =
        changed(POLICY.replace("[\"partners\", \"blacklist\", \"trial\"]", "[\"trial\", \"blacklist\"]"));
    assert_eq!(text, "profile default, outbound: lists: partners, blacklist, trial is now trial, blacklist\n");
    assert_eq!(rules[0]["old"], serde_json::json!(["partners", "blacklist", "trial"]));
    let (text, _) = changed(POLICY.replace("\"premium_rate\", \"satellite\"", "\"premium_rate\", \"pager\""));
    assert_eq!(text, "profile default, outbound: blocked types\n  + pager\n  - satellite\n");
    // An allow-list blocks all the others, and the regions that the plan does not know.
    let (text, rules) = changed(POLICY.replace("countries.block = [\"LV\"]", "countries.allow = [\"LV\", \"SK\"]"));
    assert!(text.contains("  - LV\n"), "{text}");
    assert!(text.ends_with("profile default, outbound: unknown region: allow is now block\n"), "{text}");
    assert!(rules[0]["added"].as_array().unwrap().len() > 200, "{rules}");
}

#[test]
fn lint_exits_by_what_it_finds() {
    let folder = built();
    let path = folder.path();
    let clean = run(path, &["lint", "policy.toml", "--format", "json"]);
    let value = json(&clean);
    assert_eq!(clean.status.code(), Some(0), "{value}");
    assert_eq!((&value["errors"], &value["warnings"]), (&0.into(), &0.into()));
    fs::write(path.join("numbers.csv"), "number\n+44 20 7946 0000\n+44 20 7946 0000\n").unwrap();
    let warned = run(path, &["lint", "policy.toml"]);
    expect(&warned, 1);
    assert!(err(&warned).contains("warning[") && err(&warned).contains("numbers.csv:3"), "{}", err(&warned));
    fs::write(path.join("numbers.csv"), "number\nnobody\n").unwrap();
    let failed = run(path, &["lint", "policy.toml", "--format", "json"]);
    expect(&failed, 2);
    let diagnostic = &json(&failed)["diagnostics"][0];
    assert_eq!(
        (&diagnostic["severity"], &diagnostic["file"], &diagnostic["line"], &diagnostic["text"]),
        (&"error".into(), &"numbers.csv".into(), &2.into(), &"nobody".into())
    );
}

#[test]
fn a_plan_is_compiled_shown_and_built_with() {
    let folder = built();
    let path = folder.path();
    let metadata = metadata::metadata();
    fs::write(path.join("PhoneNumberMetadata.xml"), &metadata.phone).unwrap();
    fs::write(path.join("ShortNumberMetadata.xml"), &metadata.short).unwrap();
    let compile = ["plan", "--phone", "PhoneNumberMetadata.xml", "--short", "ShortNumberMetadata.xml"];
    expect(&run(path, &compile), 2);
    let output = run(path, &[&compile[..], &["--metadata-version", "99.0.1", "-o", "plan.tgp"]].concat());
    expect(&output, 0);
    let shown = json(&run(path, &["plan", "--show", "plan.tgp", "--format", "json"]));
    assert_eq!(shown["metadata_version"], "99.0.1");
    let built_in = run(path, &["plan", "--show"]);
    expect(&built_in, 0);
    assert!(out(&built_in).contains(&metadata.version), "{}", out(&built_in));
    expect(&run(path, &["build", "policy.toml", "-o", "new.tgx", "--plan", "plan.tgp"]), 0);
    let output = run(path, &["diff", "policy.tgx", "new.tgx"]);
    expect(&output, 1);
    assert_eq!(out(&output), format!("plan: {} is now 99.0.1\n", metadata.version));
    expect(&run(path, &["build", "policy.toml", "-o", "x.tgx", "--plan", "policy.toml"]), 2);
    expect(&run(path, &["plan", "--show", "policy.toml"]), 2);
}

#[test]
fn every_help_has_an_example_and_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["--help"]);
    expect(&help, 0);
    assert!(out(&help).contains("Example"));
    for subcommand in SUBCOMMANDS {
        assert!(out(&help).contains(&format!("\n  {subcommand} ")), "{subcommand}");
        for flag in ["--help", "-h"] {
            let output = run(folder.path(), &[subcommand, flag]);
            expect(&output, 0);
            assert!(out(&output).contains(&format!("Example:\n  tollgate {subcommand}")), "{}", out(&output));
        }
        let output = run(folder.path(), &[subcommand, "--version"]);
        expect(&output, 0);
        assert!(out(&output).contains(env!("CARGO_PKG_VERSION")), "{}", out(&output));
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let ask = |variable: Option<&str>| {
        let mut command = tollgate();
        if let Some(variable) = variable {
            command.env(variable, "1");
        }
        out(&command.args(["screen", "--home", "SK", "112"]).output().unwrap())
    };
    assert!(!ask(None).contains('\u{1b}'));
    assert!(!ask(Some("NO_COLOR")).contains('\u{1b}'));
    assert!(ask(Some("CLICOLOR_FORCE")).contains('\u{1b}'));
}

/// Found by a new user: `build policy.toml -o policy.toml` put an index in the policy's place.
#[test]
fn build_overwrites_nothing_but_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let policy = "[site]\nhome = \"SK\"\n[lists.l]\naction = \"block\"\nfiles = [\"l.txt\"]\n";
    std::fs::write(folder.join("p.toml"), policy).unwrap();
    std::fs::write(folder.join("l.txt"), "+37126123456\n").unwrap();
    std::fs::create_dir(folder.join("real")).unwrap();
    for output in ["p.toml", "l.txt", "real", "-", "/dev/null"] {
        let out = run(folder, &["build", "p.toml", "-o", output]);
        assert_eq!(out.status.code(), Some(2), "{output}");
    }
    assert_eq!(std::fs::read_to_string(folder.join("p.toml")).unwrap(), policy);
    assert_eq!(std::fs::read_to_string(folder.join("l.txt")).unwrap(), "+37126123456\n");
    // A link stays one, and what it leads to is the new index.
    #[cfg(unix)]
    {
        assert_eq!(run(folder, &["build", "p.toml", "-o", "real/a.tgx"]).status.code(), Some(0));
        let before = std::fs::metadata(folder.join("real/a.tgx")).unwrap().len();
        std::os::unix::fs::symlink("real/a.tgx", folder.join("current.tgx")).unwrap();
        std::fs::write(folder.join("l.txt"), "+37126123456\n+37126123457\n").unwrap();
        assert_eq!(run(folder, &["build", "p.toml", "-o", "current.tgx"]).status.code(), Some(0));
        assert!(std::fs::symlink_metadata(folder.join("current.tgx")).unwrap().is_symlink());
        assert!(std::fs::metadata(folder.join("real/a.tgx")).unwrap().len() > before);
    }
}
