"""The console, the manager, and the documentation in Asterisk."""

import re

from report import check


def console(version, pbx, manager):
    def says(command, pattern):
        # One that matches nothing, too, would test nothing.
        assert not re.search(pattern, "", re.S) and "|" not in pattern, pattern
        said = pbx.rx(command)
        found = re.search(pattern, said, re.S)
        check(version, command, pattern[:38], " ".join((found[0] if found else said).split())[:80], found)

    says("core show function TOLLGATE", "Says whether a call may go out")
    says("core show function TOLLGATE_RESULT", "Says more of the channel")
    says("core show application Tollgate", "Ends a call that may not go out")
    says("manager show command TollgateScreen", "Says what would become of a call")
    says("manager show event TollgateBlocked", "Raised when a call is blocked")
    says("config show help res_tollgate general max_loss", "share of its entries")
    says("config show help res_tollgate outbound on_error", "allow or block")
    says("tollgate screen 0900123456", r"^block type premium_rate \+421900123456")
    says("tollgate screen +421232100000 default inbound", r"^block list spam")
    says("tollgate screen 0041446681800 tenant-7", r"^block country CH")
    says("tollgate screen 112 no-such-profile", r"^allow error: .*no-such-profile")
    says("tollgate screen 0905000111 default sideways", r"^Usage: tollgate screen")
    says("tollgate explain 0905123456", r"list blacklist.*calls\.toml:\d+.*verdict +block list blacklist")
    says("tollgate explain 0905123456 nobody", r'^the index has no profile "nobody"')
    says("tollgate show status", r"policy +calls.*4 entries in 3 lists, 5 profiles.*home +SK, outside line 9")
    says("tollgate show stats", r"\ntype +\d+ +[1-9].*\nall +[1-9]\d* +[1-9].*\nblacklist +block +2 +[1-9]")
    says("tollgate reload", r"^Reloaded: policy calls with 4 entries")
    says("module show like res_tollgate", r"Tollgate number screening .*Running")
    for line, expected in (("tollgate s", ["screen", "show"]), ("tollgate screen 112 te", ["tenant-7"]),
                           ("tollgate explain 112 default in", ["inbound"]), ("tollgate reload f", ["force"]),
                           ("tollgate show s", ["stats", "status"])):
        said = pbx.rx(f'_command matchesarray "{line}" "{line.split()[-1]}"')
        # What they have in common, then the words, then the end.
        words = sorted(set(said.split()[1:]) - {"_EOF_"})
        check(version, f"completion of '{line}'", expected, words)
    answer = manager.action("TollgateScreen", Number="9 0900-123.456", Profile="tenant-7")
    seen = [answer.get(key) for key in ("Response", "Verdict", "Reason", "Number", "Region", "Rule", "Profile")]
    check(version, "TollgateScreen 9 0900-123.456",
          ["Success", "block", "type", "+421900123456", "SK", "premium_rate", "tenant-7"], seen)
    check(version, "TollgateScreen without a number", "Error", manager.action("TollgateScreen").get("Response"))
    check(version, "TollgateScreen, number empty, profile strict, inbound", ["block", "anonymous"],
          [manager.action("TollgateScreen", Number="", Profile="strict", Direction="inbound").get(key)
           for key in ("Verdict", "Reason")])
    check(version, "TollgateScreen, direction misspelt", "Error",
          manager.action("TollgateScreen", Number="1", Direction="out").get("Response"))
