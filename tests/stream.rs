//! `tollgate screen -`: whatever arrives in whatever pieces, and however many threads answer it, the
//! answers are those of one question at a time, in order.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)] // a test's helpers may panic as well as its functions

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const POLICY: &str = r#"[policy]
name = "acme"

[site]
home = "SK"
extensions = [3]

[lists."odd, \"name\" é"]
action = "block"
entries = ["+4930*", "raw:*77*", "raw:a b*", "118*"]

[lists.trial]
action = "log"
entries = ["+431*"]

[profiles.default.outbound]
lists = ["odd, \"name\" é", "trial"]
countries.block = ["LV"]
types.block = ["premium_rate", "satellite"]
"#;

/// Behind the columns of a CSV.
const ADDED: &str = "e164,region,type,action,reason,rule,list,matched,profile,would_block";

fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
    let output = tollgate(folder.path(), &["build", "policy.toml", "-o", "policy.tgx"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    folder
}

fn tollgate(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for variable in ["SOURCE_DATE_EPOCH", "CLICOLOR_FORCE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).args(args).stdin(Stdio::null());
    command
}

/// `tollgate screen` with these arguments.
fn screen(folder: &Path, args: &[&str]) -> Command {
    tollgate(folder, &[&["screen", "--index", "policy.tgx"], args].concat())
}

/// Standard input answered, with `-` behind the arguments.
fn stream(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut command = screen(folder, &[args, &["-"]].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A command that has seen enough closes its input.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
    output
}

/// The answers, which must end with this exit code.
#[track_caller]
fn answered(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", err(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Lines that have gone wrong in one program or another.
#[cfg(unix)]
fn hostile() -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = [
        &b""[..],
        b" ",
        b"\t",
        b"112",
        b"118",
        b"1181",
        b"123",
        b"+37126123456",
        b"  +37126123456 ",
        b"0900123456",
        b"+421905123456",
        b"+431588580",
        b"+493012345678",
        b"+4219001234567777",
        b"+881612345678",
        b"*77#",
        b"a b\xc2\xa0",
        b"anonymous",
        b"\"+37126123456\"",
        b"a,b;c",
        b"\\",
        b"\xff\xfe\x01+371",
        b"\xc3",
        b"\xc3\xa9",
        b"\x1b[2Jx\x07",
        b"tel:+37126123456;phone-context=+49",
        b"sip:0900123456@h?a=b",
        b"905123456@h?&PJSIP/0900123456",
        b"1\r2",
        b"\xe2\x80\xae+371",
        b"+999",
        b"+1",
        b"0",
        b"00",
        b"+",
        b"number,note",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for length in [59, 60, 61, 1023, 1024, 1025] {
        lines.push(vec![b'7'; length]);
        lines.push("é".repeat(length).into_bytes());
    }
    lines
}

#[cfg(unix)]
fn arguments(folder: &Path, format: &str, lines: &[Vec<u8>]) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut command = screen(folder, &["--format", format, "--"]);
    command.args(lines.iter().map(|line| OsStr::from_bytes(line)));
    answered(&command.output().unwrap(), 1)
}

#[cfg(unix)]
#[test]
fn a_stream_answers_as_arguments_are_answered() {
    let folder = built();
    let lines = hostile();
    let mut unix = lines.join(&b'\n');
    unix.push(b'\n');
    for format in ["jsonl", "csv", "text"] {
        let wanted = arguments(folder.path(), format, &lines);
        let check = |answers: &str, how: &str| {
            if format == "text" {
                // A stream does not know how wide its columns will be.
                let words = |text: &str| -> Vec<Vec<String>> {
                    text.lines().map(|l| l.split_whitespace().map(str::to_owned).collect()).collect()
                };
                assert_eq!(words(answers), words(&wanted), "{how}");
            } else {
                assert_eq!(answers, wanted, "{how}");
            }
        };
        for threads in ["1", "2", "7"] {
            for block in ["1", "2", "3", "5", "8", "13", "64", "1000", "65536"] {
                let args = ["--format", format, "--threads", threads, "--block", block];
                check(&answered(&stream(folder.path(), &args, &unix), 1), &format!("{args:?}"));
            }
        }
        // The last line may have no end, and a line end may have a carriage return.
        check(&answered(&stream(folder.path(), &["--format", format], &unix[..unix.len() - 1]), 1), "no last end");
        let dos = lines.join(&b"\r\n"[..]);
        check(&answered(&stream(folder.path(), &["--format", format, "--block", "11"], &dos), 1), "CR LF");
    }
}

/// A line keeps 65,536 bytes, wherever blocks end, and what follows is the next line.
#[cfg(unix)]
#[test]
fn a_line_longer_than_a_block_has_one_answer() {
    const KEPT: usize = 1 << 16;
    let folder = built();
    let mut lines = Vec::new();
    for length in [KEPT - 2, KEPT - 1, KEPT, KEPT + 1, 3 * KEPT, 3 * KEPT + 1] {
        for end in ["", "\r"] {
            let mut line: Vec<u8> = (0..length).map(|i| b'0' + (i % 10) as u8).collect();
            line.extend(end.as_bytes());
            lines.push(line);
            lines.push(b"112".to_vec());
        }
    }
    // One whose last kept byte is a carriage return that ends no line.
    let mut line = vec![b'5'; 2 * KEPT];
    line[KEPT - 1] = b'\r';
    lines.push(line);
    let input = lines.join(&b'\n');
    let kept: Vec<Vec<u8>> = lines
        .iter()
        .map(|line| {
            let line = &line[..line.len().min(KEPT)];
            line.strip_suffix(b"\r").unwrap_or(line).to_vec()
        })
        .collect();
    let wanted = arguments(folder.path(), "jsonl", &kept);
    for args in [
        &["--block", "1000"][..],
        &["--block", "65535"],
        &["--block", "65536"],
        &["--block", "65537"],
        &["--block", "1000000"],
        &["--threads", "1"],
        &["--threads", "3", "--block", "9999"],
    ] {
        let output = stream(folder.path(), &[&["--format", "jsonl"], args].concat(), &input);
        assert!(answered(&output, 1) == wanted, "{args:?}: other answers");
    }
}

#[test]
fn order_holds_for_many_blocks_on_many_threads() {
    let folder = built();
    let mut input = String::new();
    for i in 0..60_000u32 {
        // Lines that take long stand beside lines that take short.
        let length = if i % 97 == 0 { 800 } else { 1 };
        input.push_str(&format!("+4219{:08}{}\n", i * 37 % 100_000_000, " ".repeat(length)));
    }
    for block in ["512", "4096", "65536"] {
        let output = stream(folder.path(), &["--format", "csv", "--threads", "8", "--block", block], input.as_bytes());
        let answers = answered(&output, 1);
        let asked: Vec<&str> = answers.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
        assert!(asked == input.lines().collect::<Vec<_>>(), "{block}: another order");
    }
}

#[test]
fn exit_codes_speak_of_the_whole_stream() {
    let folder = built();
    let folder = folder.path();
    let allowed = "+421905123456\n".repeat(30_000);
    for (last, code) in [("", 0), ("112\n", 0), ("+37126123456", 1)] {
        let input = format!("{allowed}{last}");
        let output = stream(folder, &["--threads", "3", "--block", "1000"], input.as_bytes());
        answered(&output, code);
        answered(&stream(folder, &["--column", "number"], format!("number\n{input}").as_bytes()), code);
    }
    answered(&stream(folder, &["--column", "number"], b"number\n+37126123456\n"), 1);
    assert_eq!(answered(&stream(folder, &[], b""), 0), "");
    for bad in [&["--threads", "0"][..], &["--block", "0"], &["--profile", "nobody"]] {
        answered(&stream(folder, bad, b"112\n"), 2);
    }
}

#[cfg(unix)]
#[test]
fn an_input_that_cannot_be_read_is_an_error() {
    let folder = built();
    for args in [&["-"][..], &["--column", "number", "-"]] {
        let mut command = screen(folder.path(), args);
        let output = command.stdin(fs::File::open(folder.path()).unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).starts_with("error: cannot read standard input: "), "{}", err(&output));
    }
}

/// A program at the other end of two pipes asks, and waits for the answer before it goes on.
#[test]
fn every_form_answers_at_once() {
    let folder = built();
    for (args, head) in [
        (&["--format", "text"][..], false),
        (&["--format", "jsonl"], false),
        (&["--format", "csv"], true),
        (&["--column", "number"], true),
    ] {
        for threads in ["1", "2", "5"] {
            let args = [args, &["--threads", threads, "-"]].concat();
            let mut child = asked(screen(folder.path(), &args));
            let mut stdin = child.stdin.take().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut answer = || {
                let mut line = String::new();
                stdout.read_line(&mut line).unwrap();
                line
            };
            if args.contains(&"--column") {
                stdin.write_all(b"id,number\n").unwrap();
            }
            if head {
                assert!(answer().contains("would_block"));
            }
            for (asked, reason) in
                [("112\n", "emergency"), ("+37126123456\n+3712", "country"), ("6123456\n", "country")]
            {
                let asked =
                    if args.contains(&"--column") { asked.replace("+3712", "7,+3712") } else { asked.to_owned() };
                let asked = if asked == "112\n" && args.contains(&"--column") { "1,112\n".to_owned() } else { asked };
                stdin.write_all(asked.as_bytes()).unwrap();
                let line = answer();
                assert!(line.contains(reason), "{args:?}: {line}");
            }
            drop(stdin);
            assert_eq!(child.wait().unwrap().code(), Some(1), "{args:?}");
        }
    }
}

fn asked(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Some thread waits for input while another learns that nobody reads the answers.
#[test]
fn a_closed_output_ends_a_stream_whose_input_stays_open() {
    let folder = built();
    for threads in ["1", "4"] {
        for args in [&["--format", "text"][..], &["--column", "number"]] {
            let mut child = asked(screen(folder.path(), &[args, &["--threads", threads, "-"]].concat()));
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(b"number\n+37126123456\n").unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.clear();
            stdout.read_line(&mut line).unwrap();
            assert!(line.contains("+37126123456"), "{line}");
            drop(stdout);
            stdin.write_all(b"+37126123456\n").unwrap();
            let output = child.wait_with_output().unwrap();
            drop(stdin);
            assert_eq!((output.status.code(), err(&output)), (Some(1), String::new()), "{args:?}");
        }
    }
}

/// The worst that a block can grow to: every byte of it is a line, and every line has a long answer.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_what_the_answers_need() {
    const LINES: usize = 500_000;
    let folder = built();
    let line = answered(&screen(folder.path(), &["--format", "jsonl", ""]).output().unwrap(), 1).len();
    for block in ["65536", "1000000"] {
        let mut child = asked(screen(folder.path(), &["--format", "jsonl", "--threads", "2", "--block", block, "-"]));
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || {
            stdin.write_all(&vec![b'\n'; LINES]).unwrap();
            stdin
        });
        let mut answers = vec![0; LINES * line];
        child.stdout.take().unwrap().read_exact(&mut answers).unwrap();
        // Its input is still open, so that it is there to be looked at.
        let stdin = writer.join().unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 25_000, "{kilobytes} kB for {} kB of answers", answers.len() / 1000);
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}

#[test]
fn a_csv_keeps_its_columns_and_gets_the_answers() {
    let folder = built();
    let input = "id,Number,note\n1,+37126123456,\n2,0900 123 456,\"a \"\"b\"\", c\"\n3,\"+43 1 58858,0\",x\n";
    let wanted = format!(
        "id,Number,note,{ADDED}\n\
         1,+37126123456,,+37126123456,LV,mobile,block,country,LV,,3,default,false\n\
         2,0900 123 456,\"a \"\"b\"\", c\",+421900123456,SK,premium_rate,block,type,premium_rate,,12,default,false\n\
         3,\"+43 1 58858,0\",x,+43158858,AT,fixed_line,allow,default,,,0,default,true\n"
    );
    for column in ["number", "NUMBER", " Number ", "2"] {
        for format in [&[][..], &["--format", "csv"]] {
            let output = stream(folder.path(), &[&["--column", column], format].concat(), input.as_bytes());
            assert_eq!(answered(&output, 1), wanted);
        }
    }
    let headless = stream(folder.path(), &["--column", "number"], b"number");
    assert_eq!(answered(&headless, 0), format!("number,{ADDED}\n"));
}

/// Byte order mark, carriage returns, line ends in quotes, blank lines, no last line end, quotes where
/// they mean nothing, bytes that are no UTF-8, and the block's end everywhere in between.
#[test]
fn a_csv_is_passed_on_byte_for_byte() {
    let folder = built();
    let rows: [(&[u8], &str); 8] = [
        (b"\"two\r\nlines\n\";\"+37126123456\";x", "+37126123456;LV;mobile;block;country;LV;;3;default;false"),
        (b"5\" pipe;112;\"\"", ";;;allow;emergency;;;0;default;false"),
        (b"\xff\x00;+4930 1;,", "+49301;DE;unknown;block;list;+4930*;\"odd, \"\"name\"\" é\";4;default;false"),
        (b";;", ";;;block;anonymous;;;0;default;false"),
        (b"\"\";\"1\"12;\"a;\n\"\"\r\n\"\"\"", ";;;allow;emergency;;;0;default;false"),
        (b" \"a\" ; \"b\";c", ";;;block;invalid;;;0;default;false"),
        (b"x;*77;\"\"\"\"", ";;;block;list;raw:*77;\"odd, \"\"name\"\" é\";3;default;false"),
        (b"x;\"+371\r\n26123456\";y", ";;;block;invalid;;;0;default;false"),
    ];
    let added = ADDED.replace(',', ";");
    for line_end in ["\n", "\r\n"] {
        let mut input = format!("\u{feff}\"a;\nb\";\"the \"\"number\"\"\";c{line_end}").into_bytes();
        let mut wanted = format!("\u{feff}\"a;\nb\";\"the \"\"number\"\"\";c;{added}{line_end}").into_bytes();
        for (i, (row, answer)) in rows.iter().enumerate() {
            input.extend(*row);
            wanted.extend(*row);
            wanted.extend(format!(";{answer}{line_end}").bytes());
            if i + 1 < rows.len() {
                input.extend(line_end.bytes());
            }
            if i == 3 {
                input.extend(line_end.bytes());
                wanted.extend(line_end.bytes());
            }
        }
        for block in (1..=40).chain([64, 100, 200, 65_536]) {
            let block = block.to_string();
            for args in [&["--threads", "3"][..], &["--threads", "1", "--delimiter", ";"]] {
                let args = [&["--column", "the \"number\"", "--block", &block], args].concat();
                let output = stream(folder.path(), &args, &input);
                assert_eq!(output.status.code(), Some(1), "{args:?}: {}", err(&output));
                assert_eq!(
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&wanted),
                    "{args:?} {line_end:?}"
                );
                assert!(output.stdout == wanted, "{args:?}: other bytes");
            }
        }
    }
}

#[test]
fn the_delimiter_is_found_or_given() {
    let folder = built();
    for (delimiter, given) in [(',', ","), (';', ";"), ('\t', "tab"), ('\t', "\\t"), ('|', "|")] {
        let input = "id,number\n7,112\n".replace(',', &delimiter.to_string());
        let wanted = format!("id,number,{ADDED}\n7,112,,,,allow,emergency,,,0,default,false\n")
            .replace(',', &delimiter.to_string());
        assert_eq!(
            answered(&stream(folder.path(), &["--column", "number", "--delimiter", given], input.as_bytes()), 0),
            wanted
        );
        if delimiter != '|' {
            for column in ["number", "2"] {
                assert_eq!(answered(&stream(folder.path(), &["--column", column], input.as_bytes()), 0), wanted);
            }
        }
    }
    // Of a name that holds another delimiter.
    let output = stream(folder.path(), &["--column", "number"], b"\"a,b\";number;c\nx;112;y\n");
    assert!(answered(&output, 0).ends_with("\nx;112;y;;;;allow;emergency;;;0;default;false\n"));
    for bad in ["", ",,", "a", "\"", "\n", "5", "é"] {
        let output = stream(folder.path(), &["--column", "number", "--delimiter", bad], b"number\n");
        answered(&output, 2);
        assert!(err(&output).contains("or the word tab"), "{}", err(&output));
    }
}

#[test]
fn names_that_clash_need_a_prefix() {
    let folder = built();
    let output = stream(folder.path(), &["--column", "number"], b"number,Type\n112,x\n");
    assert_eq!(answered(&output, 2), "");
    assert_eq!(
        err(&output),
        "error: standard input, line 1: there is a column \"type\" already; let the answer's columns have other names, \
         such as tollgate_type with --prefix tollgate_\n"
    );
    let output = stream(folder.path(), &["--column", "number", "--prefix", "tg_"], b"number,Type,e164\n112,x,y\n");
    let added = ADDED.split(',').map(|name| format!("tg_{name}")).collect::<Vec<_>>().join(",");
    assert_eq!(
        answered(&output, 0),
        format!("number,Type,e164,{added}\n112,x,y,,,,allow,emergency,,,0,default,false\n")
    );
    // What was answered can be answered again.
    let again = stream(folder.path(), &["--column", "number", "--prefix", "b,"], &output.stdout);
    assert!(answered(&again, 0).starts_with(&format!("number,Type,e164,{added},\"b,e164\",")));
}

#[test]
fn a_row_that_does_not_fit_its_header_is_an_error_with_its_line() {
    let folder = built();
    let head = format!("id,number,{ADDED}\n");
    let good = "\"a\nb\",112\n";
    let answer = "\"a\nb\",112,,,,allow,emergency,,,0,default,false\n";
    for block in ["1", "7", "50", "65536"] {
        for (row, says) in [
            ("x\n", "this row has 1 field, the header has 2 fields; "),
            ("x,112,\n+37126123456,1\n", "this row has 3 fields, the header has 2 fields; "),
            ("x,\"112\n1,2\n", "a quote is opened in this row and never closed; "),
        ] {
            let input = format!("id,number\n{good}\n{good}{row}");
            let output = stream(folder.path(), &["--column", "number", "--block", block], input.as_bytes());
            // What stands before it has been answered.
            assert_eq!(answered(&output, 2), format!("{head}{answer}\n{answer}"));
            assert!(err(&output).starts_with(&format!("error: standard input, line 7: {says}")), "{}", err(&output));
        }
    }
    // Nothing is blocked that stands behind the error, and lines are counted over blocks.
    let many = format!("id,number\n{}x\n", "1,112\n".repeat(40_000));
    let output = stream(folder.path(), &["--column", "number", "--threads", "4", "--block", "3000"], many.as_bytes());
    assert_eq!(answered(&output, 2).lines().count(), 40_001);
    assert!(err(&output).starts_with("error: standard input, line 40002: "), "{}", err(&output));
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let folder = built();
    let endless = format!("number\n112\n\"{}", "1,2\n".repeat(1_000_000));
    let output = stream(folder.path(), &["--column", "number"], endless.as_bytes());
    assert_eq!(answered(&output, 2).lines().count(), 2);
    let says = "error: standard input, line 3: the row that begins here is longer than 262144 bytes";
    assert!(err(&output).starts_with(says), "{}", err(&output));
    let output = stream(folder.path(), &["--column", "number"], &endless.as_bytes()[11..]);
    assert_eq!(answered(&output, 2), "");
    assert!(err(&output).starts_with("error: standard input, line 1: "), "{}", err(&output));
}

#[test]
fn a_header_that_does_not_help_is_an_error_that_does() {
    let folder = built();
    let check = |column: &str, input: &[u8], says: &str| {
        for block in ["1", "65536"] {
            let output = stream(folder.path(), &["--column", column, "--block", block], input);
            assert_eq!(answered(&output, 2), "");
            assert!(err(&output).contains(says), "{}", err(&output));
        }
    };
    check(
        "dst",
        b"id;number\n1;112\n",
        "line 1: there is no column \"dst\"; the columns are \"id\", \"number\". Name one",
    );
    check("3", b"id,number\n1,112\n", "there is no column \"3\"");
    check("0", b"id,number\n1,112\n", "there is no column \"0\"");
    check("number", b"number,a,Number\n1,2,3\n", "two columns are called \"number\"; give the position");
    check("number", b"", "standard input is empty");
    check("number", b"\"number\n", "line 1: a quote is opened in this row and never closed");
    check("number", b"\xff\xfen\0u\0", "standard input is UTF-16");
    check("number", b"\x1f\x8b\x08\0\0", "gunzip");
    check("number", b"\x28\xb5\x2f\xfd\x24", "unzstd");
    // The position says which of two is meant.
    answered(&stream(folder.path(), &["--column", "3"], b"number,a,Number\n1,2,112\n"), 0);
}

#[test]
fn a_column_is_of_standard_input_and_answered_in_csv() {
    let folder = built();
    for (args, says) in [
        (&["--column", "number", "112"][..], "give - as the only NUMBER"),
        (&["--column", "number", "--format", "jsonl", "-"], "leave --format out"),
        (&["--delimiter", ";", "-"], "--column"),
        (&["--prefix", "x", "-"], "--column"),
    ] {
        let output = screen(folder.path(), args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains(says), "{}", err(&output));
    }
}

/// Colours are for terminals, or for who forces them, as with arguments.
#[test]
fn a_stream_has_the_colours_that_arguments_have() {
    let folder = built();
    let mut forced = screen(folder.path(), &["0900123456", "+431588580", "112"]);
    let arguments = answered(&forced.env("CLICOLOR_FORCE", "1").output().unwrap(), 1);
    fs::write(folder.path().join("numbers.txt"), "0900123456\n+431588580\n112\n").unwrap();
    let mut forced = screen(folder.path(), &["-"]);
    forced.env("CLICOLOR_FORCE", "1").stdin(fs::File::open(folder.path().join("numbers.txt")).unwrap());
    let stream = answered(&forced.output().unwrap(), 1);
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(stream.contains("\u{1b}["), "{stream:?}");
    assert_eq!(words(&stream), words(&arguments));
    assert!(!answered(&self::stream(folder.path(), &[], b"112\n"), 0).contains('\u{1b}'));
}

#[test]
fn the_readme_shows_what_happens() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let shown = readme.split("$ cat calls.csv\n").nth(1).unwrap().split("```").next().unwrap();
    let (calls, rest) = shown.split_once("$ tollgate screen --home SK --column dst - < calls.csv\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("calls.csv"), calls).unwrap();
    let mut command = tollgate(folder.path(), &["screen", "--home", "SK", "--column", "dst", "-"]);
    command.stdin(fs::File::open(folder.path().join("calls.csv")).unwrap());
    assert_eq!(answered(&command.output().unwrap(), 1), rest);
}
