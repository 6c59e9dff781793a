"""Reloads that must fail, and reloads under load: old answers stay, and memory does."""

import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from asterisk import HERE
from report import check, skip
from settings import settings

CALLER = "+421232101234"
ALLOWED = ["0905000111", "00421905000112", "+421905000113", "90905000114", "112", "00420602234567"]
BLOCKED = ["0900123456", "0037126123456", "+421905123456", "90199123456", "0900123456789", "+5351234567"]


# What a call of `stress` asks in one step: a step raises events of Asterisk's, a question does not.
A_STEP = 20
FOUR = ("${TOLLGATE(0905000111,default,outbound)}${TOLLGATE(00420602234567,tenant-7,outbound)}"
        "${TOLLGATE(+421232100001,strict,inbound)}${TOLLGATE(112)}")


def asking():
    """A dialplan that asks without a pause, as long as the global STRESS is "on"."""
    return f"""
[stress]
exten => s,1,Set(n=0)
 same => n,While($["${{STRESS}}" = "on"])
 same => n,Set(answers={FOUR * A_STEP})
 same => n,GotoIf($["${{answers}}" = "{'allow' * 4 * A_STEP}"]?right)
 same => n,Set(GLOBAL(WRONG)=${{answers}})
 same => n(right),Set(n=$[${{n}} + 1])
 same => n,EndWhile()
 same => n,Set(GLOBAL(ASKED_${{CHANNEL(uniqueid)}})=${{n}})
 same => n,Hangup()
"""


def replace(index, content):
    """Another file in the index's place, by renaming; None is no file."""
    if content is None:
        index.unlink(missing_ok=True)
        return
    aside = index.with_suffix(".aside")
    aside.write_bytes(content)
    aside.rename(index)


# SIP transactions are kept for 6.4 s (pjsip.conf): from then on a steady flow of calls takes no more memory.
STEADY = 9


def reload(pbx):
    """Whether "module reload" succeeded, by what the console says."""
    said = pbx.rx("module reload res_tollgate.so")
    if re.search(r"reported a reload failure", said):
        return False
    if re.search(r"reloaded successfully", said):
        return True
    return f"neither: {said.strip()}"


def wait(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


def refused(version, pbx, index):
    """Files that are no index: each is refused on the console and in the log, and the old answers stay."""
    good = index.read_bytes()
    broken = bytearray(good)
    broken[len(good) // 2] ^= 0x40
    for name, content, word in (("broken", bytes(broken), "checksum"), ("truncated", good[: len(good) // 2], "was cut"),
                                ("missing", None, "No such file"), ("empty", b"", "not a Tollgate index"),
                                ("another file", b"; extensions.conf\n" * 1000, "not a Tollgate index")):
        replace(index, content)
        before = len(pbx.log())
        check(version, f"module reload, index {name}", False, reload(pbx))
        errors = [line for line in pbx.log_with("stays", before).splitlines() if "ERROR" in line and "stays" in line]
        check(version, f"lines of the log that say so, index {name}", 1, len(errors))
        said = pbx.rx("tollgate reload").strip()
        check(version, f"tollgate reload, index {name}", f"stay: ...{word}...", said[:160],
              re.search("stay: .*" + word, said))
        status = pbx.rx("tollgate show status")
        check(version, f"tollgate show status, index {name}", "but a newer one was refused",
              re.search(r"state .*", status)[0][:120] if "state " in status else status[:120],
              "but a newer one was refused" in status)
        seen = pbx.call(CALLER, "0905000111", "outbound"), pbx.call(CALLER, "0900123456", "outbound")
        check(version, f"calls, index {name}: an allowed one, a blocked one", (200, 403), seen)
    replace(index, good)
    check(version, "module reload, index as it was", True, reload(pbx))


def feed(path, content):
    """Writes to a pipe, in the background, as soon as somebody reads it. Whoever reads may end early."""
    def write():
        try:
            with open(path, "wb") as file:
                file.write(content)
        except OSError:
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def whole(version, pbx, index, command, work):
    """A reload takes settings and index, or neither. Each of these was found in review."""
    good = index.read_bytes()
    lost = (work / "shrunken.tgx").read_bytes()

    def stays(name, text, expected):
        pbx.settings(text)
        before = len(pbx.log())
        check(version, f"module reload, {name}", False, reload(pbx))
        status = pbx.rx("tollgate show status")
        check(version, "lines of the log, and the status that say so", (1, True),
              (len([line for line in pbx.log_with(expected, before).splitlines() if "ERROR" in line and expected in line]),
               bool(re.search("last reload +failed: The old settings and the old index stay: .*" + re.escape(expected),
                              status))))
        # By the old index 0905123456 is listed, and by the old settings that is 403.
        check(version, "a listed number, the index in force then", (403, str(index), "4 entries"),
              (pbx.call(CALLER, "0905123456", "outbound"), re.search(r"index +(.*)", status)[1],
               re.search(r"\d+ entries", status)[0]))

    # Another index that lost entries was taken, whatever max_loss said.
    stays("another index without entries", settings(work / "shrunken.tgx", outbound="hangup = 480"), "max_loss")
    said = pbx.rx("tollgate reload force")
    check(version, "tollgate reload force", "Reloaded: ...", said.strip()[:100], said.startswith("Reloaded: "))
    check(version, "a listed number, a premium number then", (200, 480),
          (pbx.call(CALLER, "0905123456", "outbound"), pbx.call(CALLER, "0900123456", "outbound")))
    check(version, "the status then", False, "last reload" in pbx.rx("tollgate show status"))
    pbx.settings(settings(index))
    check(version, "module reload, index and settings as they were", True, reload(pbx))
    # With other options the old gate was reloaded before the new one was opened, which then failed: here a
    # pipe, which can be read and not mapped.
    index.unlink()
    os.mkfifo(index)
    feed(index, lost)
    stays("mapped = yes, an index that cannot be mapped",
          settings(index, general="mapped = yes\nmax_loss = 100", outbound="hangup = 480"), "index")
    # How the index was followed stays, too, where the index is refused.
    replace(index, good[:-1])
    stays("watch = 50, an index that is cut", settings(index, watch="50", outbound="hangup = 480"), "was cut")
    before = len(pbx.log())
    replace(index, good[:-2])
    time.sleep(0.5)
    check(version, "nobody follows the index then", False, "refused" in pbx.log()[before:])
    pbx.settings(settings(index))
    replace(index, good)
    check(version, "module reload, index and settings as they were", True, reload(pbx))
    # Calls that name no profile would ask in vain for one that the index does not have.
    stays("profile = nobody", settings(index, general="profile = nobody", outbound="hangup = 480"), '"nobody"')
    # Nor does an index that has it not take the place of one that has, be it by a reload or by who follows it.
    pbx.settings(settings(index, general="profile = tenant-7", watch="100"))
    check(version, "module reload, profile = tenant-7", True, reload(pbx))
    policy = work / "tenants.toml"
    policy.write_text((HERE / "policy/calls.toml").read_text().replace("[profiles.tenant-7]", "[profiles.tenant-8]"))
    subprocess.run([command, "build", policy, "-o", work / "tenants.tgx"], check=True, capture_output=True)
    without = (work / "tenants.tgx").read_bytes()
    before = len(pbx.log())
    replace(index, without)
    check(version, "an index without tenant-7 is refused by who follows it", True,
          wait(lambda: 'refused, the old one stays: the index has no profile "tenant-7"' in pbx.log()[before:]))
    check(version, "module reload, an index without tenant-7", False, reload(pbx))
    screened = pbx.rx("tollgate screen 0041446681800")
    check(version, "a number that tenant-7 blocks", "block country CH", screened.strip()[:60],
          screened.startswith("block country CH"))
    replace(index, good)
    pbx.settings(settings(index, watch="100"))
    check(version, "module reload, index and settings as they were, followed", True, reload(pbx))
    # The status said that the last reload had failed when the index that was refused was long replaced.
    replace(index, good[:-1])
    check(version, "module reload, an index that is cut", False, reload(pbx))
    check(version, "the status then", True, "last reload" in pbx.rx("tollgate show status"))
    replace(index, without)
    check(version, "the status, when another index is in place", True,
          wait(lambda: "last reload" not in pbx.rx("tollgate show status")))
    # Settings that were not taken are not taken by another index either.
    pbx.settings(settings(index, watch="200", outbound="hangup = 480"))
    replace(index, good[:-1])
    check(version, "module reload, an index that is cut, other settings", False, reload(pbx))
    before = len(pbx.log())
    replace(index, good)
    check(version, "another index is in place; the status then", (True, True),
          (wait(lambda: "Another index is in place" in pbx.log()[before:]), "last reload" in pbx.rx("tollgate show status")))
    pbx.settings(settings(index))
    check(version, "module reload, index and settings as they were", True, reload(pbx))


def shrunken(version, pbx, index, command, work):
    """An index that lost its lists is refused, and taken by force."""
    good = index.read_bytes()
    policy = work / "shrunken.toml"
    text = (HERE / "policy/calls.toml").read_text()
    policy.write_text(re.sub(r"entries = \[.*\]", "entries = []", text))
    subprocess.run([command, "build", policy, "-o", work / "shrunken.tgx"], check=True, capture_output=True)
    replace(index, (work / "shrunken.tgx").read_bytes())
    check(version, "module reload, index without its entries", False, reload(pbx))
    check(version, "a listed number then", 403, pbx.call(CALLER, "0905123456", "outbound"))
    said = pbx.rx("tollgate reload force")
    check(version, "tollgate reload force", "Reloaded: ...", said.strip()[:100], said.startswith("Reloaded: "))
    check(version, "a listed number then", 200, pbx.call(CALLER, "0905123456", "outbound"))
    replace(index, good)
    check(version, "module reload, index as it was", True, reload(pbx))


def configuration(version, pbx, index, work):
    """Settings that cannot be right, and an index that is named anew: all of it, or none."""
    wrong = [("a misspelt option", settings(index, general="wach = yes")),
             ("a misspelt value", settings(index, outbound="on_error = blokc")),
             ("a status that nobody sends", settings(index, outbound="hangup = 699")),
             ("a section that is none", settings(index) + "[outbuond]\n"),
             ("another index, which is missing", settings(work / "nowhere.tgx", outbound="hangup = 480"))]
    for name, text in wrong:
        pbx.settings(text)
        check(version, f"module reload, {name}", False, reload(pbx))
        check(version, "a blocked call then", 403, pbx.call(CALLER, "0900123456", "outbound"))
    shutil.copy(index, work / "other.tgx")
    pbx.settings(settings(work / "other.tgx", general="max_loss = 10%", outbound="context = blocked"))
    check(version, "module reload, another index, another context", True, reload(pbx))
    check(version, "a blocked call then, sent to the context", 480, pbx.call(CALLER, "0900123456", "outbound"))
    check(version, "the index in force", str(work / "other.tgx"),
          re.search(r"index +(.*)", pbx.rx("tollgate show status"))[1])
    # Found in review: an AGI and TryExec were told that it succeeded, and went on with the call.
    for name, text, expected in (("context", settings(index, outbound="context = blocked"), 480),
                                 ("hangup", settings(index), 403)):
        pbx.settings(text)
        check(version, f"module reload, {name}", True, reload(pbx))
        for context in ("agi", "try"):
            check(version, f"{context}, {name}: an allowed call, a blocked one", (200, expected),
                  (pbx.call(CALLER, "0905000111", context), pbx.call(CALLER, "0900123456", context)))
    # Found in review: where the status was sent by chan_pjsip's own application, the channel lived on for a while.
    pbx.settings(settings(index, outbound="hangup = 608"))
    check(version, "module reload, hangup = 608", True, reload(pbx))
    before = len(pbx.log())
    seen = pbx.call(CALLER, "0900123456", "agi")
    said = pbx.log()[before:]
    check(version, "agi, hangup = 608: status, carrier called, went on", (603 if version == "16" else 608, False, False),
          (seen, "@carrier:1]" in said, "@agi:2]" in said))
    # Found in review: emergency= was honoured while there was an index, where that has no such profile.
    pbx.settings(settings(index, general="emergency = 112,0905000111"))
    check(version, "module reload, emergency =", True, reload(pbx))
    check(version, "a number of it, and 112, profile nobody", (403, 200),
          (pbx.call(CALLER, "0905000111", "nobody"), pbx.call(CALLER, "112", "nobody")))
    for hangup, expected in (("CALL_REJECTED", 403), ("17", 486), ("404", 404), ("503", 503), ("603", 603),
                             ("608", 603 if version == "16" else 608)):
        pbx.settings(settings(index, outbound=f"hangup = {hangup}"))
        reload(pbx)
        check(version, f"a blocked call, hangup = {hangup}", expected, pbx.call(CALLER, "0900123456", "outbound"))
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))


def missing(version, pbx, index):
    """No index when the module is loaded: on_error decides; and the index is found when it comes."""
    good = index.read_bytes()
    said = pbx.rx("module unload res_tollgate.so")
    check(version, "module unload", "Unloaded", said.strip()[:60], "Unloaded" in said)
    replace(index, None)
    pbx.settings(settings(index, general="emergency = 112, 0905000111"))
    before = len(pbx.log())
    said = pbx.rx("module load res_tollgate.so")
    check(version, "module load without an index", "Loaded", said.strip()[:60], "Loaded" in said)
    # Found in a run beside another Asterisk: the log was read before its thread had written it.
    text = "There is no index: outbound calls are blocked"
    check(version, "the log says so", True, text in pbx.log_with(text, before))
    check(version, "outbound, on_error by default", 403, pbx.call(CALLER, "0905000112", "outbound"))
    check(version, "emergency = 112, 0905000111", (200, 200),
          (pbx.call(CALLER, "112", "outbound"), pbx.call(CALLER, "0905000111", "outbound")))
    check(version, "inbound, on_error by default", 200, pbx.call("+421232100000", "200", "inbound"))
    pbx.settings(settings(index, outbound="on_error = allow", inbound="on_error = block"))
    check(version, "module reload without an index", False, reload(pbx))
    check(version, "outbound, on_error = allow", 200, pbx.call(CALLER, "0905000111", "outbound"))
    check(version, "inbound, on_error = block", 603 if version == "16" else 607,
          pbx.call("+421232100001", "200", "inbound"))
    pbx.settings(settings(index, general="profile = nobody"))
    replace(index, good)
    said = pbx.rx("tollgate reload")
    check(version, "tollgate reload, an index without profile = nobody", "'profile' of tollgate.conf: ... \"nobody\"",
          said.strip()[:160], "'profile' of tollgate.conf: the index has no profile \"nobody\"" in said)
    replace(index, None)
    # Found in review: once it was looked for, it was so as seldom as the first settings said.
    pbx.settings(settings(index, watch="60000"))
    check(version, "module reload, still without, to be followed every minute", False, reload(pbx))
    pbx.settings(settings(index, watch="100"))
    check(version, "module reload, still without, to be followed", False, reload(pbx))
    replace(index, good)
    check(version, "the index is found when it comes", True,
          wait(lambda: "in force" in pbx.rx("tollgate show status")))
    check(version, "calls then", (200, 403), (pbx.call(CALLER, "0905000111", "outbound"),
                                             pbx.call(CALLER, "0900123456", "outbound")))
    before = len(pbx.log())
    replace(index, good[:-1])
    check(version, "a truncated index is refused by who follows it", True,
          wait(lambda: "the old one stays" in pbx.log()[before:]))
    check(version, "a blocked call then", 403, pbx.call(CALLER, "0900123456", "outbound"))
    replace(index, good)
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))


def alternatives(work, command):
    """Two policies that agree on every call of the test, and differ in twenty thousand other entries."""
    indexes = []
    for name, first in (("a", 3720000000), ("b", 3721000000)):
        (work / f"bulk-{name}.txt").write_text("".join(f"+{first + 7 * n}\n" for n in range(20000)))
        text = (HERE / "policy/calls.toml").read_text().replace(
            '[lists.spam]', f'[lists.bulk]\naction = "block"\nfiles = ["bulk-{name}.txt"]\n\n[lists.spam]').replace(
            'lists = ["blacklist", "feed"]', 'lists = ["blacklist", "feed", "bulk"]')
        (work / f"{name}.toml").write_text(text)
        subprocess.run([command, "build", work / f"{name}.toml", "-o", work / f"{name}.tgx"], check=True,
                       capture_output=True)
        indexes.append((work / f"{name}.tgx").read_bytes())
    return indexes


def memory(version, pbx, index, indexes, work):
    """A hundred swaps leave nothing behind; a leak of one index a swap would be a hundred times as much."""
    size = len(indexes[0]) // 1024

    def grown(what, change):
        for round in range(120):
            change(round % 2)
            if reload(pbx) is not True:
                check(version, f"reload {round}", True, False)
                return
            if round == 19:
                before = pbx.resident()
        more = pbx.resident() - before
        check(version, f"memory after 100 {what} of {size} KB, from {before} KB", "less than 8000 KB more",
              f"{more} KB", more < 8000)

    grown("swaps", lambda which: replace(index, indexes[which]))
    # Another path is another gate, and the old one is closed.
    grown("other paths", lambda which: pbx.settings(settings(work / f"{'ab'[which]}.tgx", watch=("no", "yes")[which])))
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))


def stress(version, pbx, index, work):
    """Another gate, fifty times, under two calls that ask all of the time."""
    pbx.rx("core set verbose 0")
    pbx.rx("dialplan set global STRESS on")
    for _ in range(2):
        pbx.rx("channel originate Local/s@stress application Wait 100")
    failed = 0
    for round in range(50):
        # Another path is another gate: who lets go of the old one, or of the old state, too early is found.
        pbx.settings(settings(work / f"{'ab'[round % 2]}.tgx"))
        failed += reload(pbx) is not True
    pbx.rx("dialplan set global STRESS off")
    wait(lambda: len(re.findall(r"ASKED_", pbx.rx("dialplan show globals"))) == 2)
    said = pbx.rx("dialplan show globals")
    asked = [4 * A_STEP * int(n) for n in re.findall(r"ASKED_\S+=(\d+)", said)]
    check(version, "questions under 50 exchanges; wrong answers; failed ones", "10000 of 2 calls at least; none; 0",
          f"{asked}; {re.findall(r'WRONG=.*', said)}; {failed}",
          len(asked) == 2 and min(asked) > 10000 and "WRONG=" not in said and not failed)
    pbx.rx("core set verbose 3")
    pbx.settings(settings(index))
    check(version, "module reload, settings as they were", True, reload(pbx))


def sums(stem):
    """How many calls succeeded and failed, by SIPp's statistics."""
    path = next(Path(stem).parent.glob(Path(stem).name + "_stat.csv"))
    lines = path.read_text().strip().splitlines()
    last = dict(zip(lines[0].split(";"), lines[-1].split(";")))
    return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])


def load(version, pbx, index, work, command, seconds):
    """Fifty calls a second while the index is built and reloaded every second."""
    count = 25 * seconds
    started = []
    for numbers, outcomes in ((ALLOWED, (200,)), (BLOCKED, (403,))):
        rows = [(CALLER, number, "outbound") for number in numbers]
        stem = pbx.folder / f"sipp/{pbx.calls + 1}"
        started.append(pbx.sipp(rows, outcomes, "-r", "25", "-m", str(count), "-l", "1000", "-trace_stat", "-stf",
                                f"{stem}_stat.csv", "-timeout", f"{seconds + 40}s"))
    begin = time.monotonic()
    # The server's own threads and pools grow with the flow for some seconds more.
    steady = max(STEADY, seconds // 3)
    good = bad = 0
    resident = []
    while time.monotonic() - begin < seconds:
        name = "ab"[(good + bad) % 2]
        subprocess.run(["nice", command, "build", work / f"{name}.toml", "-o", index], check=True, capture_output=True)
        if reload(pbx) is True:
            good += 1
        else:
            bad += 1
        if time.monotonic() - begin > steady:
            resident.append(pbx.resident())
        time.sleep(max(0.0, begin + good + bad - time.monotonic()))
    statuses = []
    for process, _ in started:
        try:
            statuses.append(process.wait(60))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            statuses.append("killed")
    check(version, f"allowed calls, 25/s for {seconds} s: succeeded, failed", (count, 0), sums(started[0][1]))
    check(version, f"blocked calls, 25/s for {seconds} s: refused, otherwise", (count, 0), sums(started[1][1]))
    check(version, "exit statuses of SIPp", [0, 0], statuses)
    # An index that is built while the machine is busy may take more than its second.
    check(version, "builds and reloads meanwhile, failed ones", f"at least {seconds * 2 // 3}, 0", f"{good}, {bad}",
          good >= seconds * 2 // 3 and bad == 0)
    # The pools still grow at first, so that a short run says nothing.
    if seconds < 3 * STEADY:
        return skip(f"memory while calls and reloads go on: {seconds} s are too few, {3 * STEADY} are enough")
    # It goes up and down by megabytes, with what is under way: what counts is how low it comes.
    third = len(resident) // 3
    early, late = (min(part, default=0) for part in (resident[:third], resident[-third:]))
    check(version, f"memory over the last {seconds - steady} s of it, from {early} KB", "less than 8000 KB more",
          f"{late - early} KB", third > 0 and late - early < 8000)
