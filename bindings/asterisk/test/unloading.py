"""Loading and unloading: under calls, with a command under way, and where a name is taken."""

import re
import os
import signal
import threading
import time

from asterisk import REFUSALS
from reloading import BLOCKED, CALLER, feed, reload, replace, sums, wait
from report import check
from settings import settings

MODULE = "res_tollgate.so"


def cycles(version, pbx, manager):
    """Twenty times out and in again, under calls, with a call and a manager's session that outlive it.

    The calls ask by the function. Asterisk frees an application that is unregistered without looking whether
    a call has just found it, and jumps to what was freed: no module's application can be unloaded under load.
    (A function has such a moment, too, between its finding and the count of the module's users; a short one.)
    """
    live, _ = pbx.sipp([(CALLER, "0905000111", "live")], (200,), "-m", "1", "-timeout", "120s",
                       patience=120000)
    wait(lambda: "1 active call" in pbx.rx("core show channels count"))
    check(version, "TollgateScreen", "block", manager.action("TollgateScreen", Number="0900123456").get("Verdict"))
    stem = pbx.folder / f"sipp/{pbx.calls + 1}"
    flood, _ = pbx.sipp([(CALLER, number, "screened") for number in BLOCKED], REFUSALS, "-r", "50", "-m", "100000",
                        "-trace_stat", "-stf", f"{stem}_stat.csv", "-timeout", "120s")
    done = 0
    problem = ""
    for _ in range(20):
        out = wait(lambda: "Unloaded" in pbx.rx(f"module unload {MODULE}"), 5)
        gone = not pbx.mapped(MODULE)
        time.sleep(0.2)
        into = "Loaded" in pbx.rx(f"module load {MODULE}")
        verdict = manager.action("TollgateScreen", Number="0900123456").get("Verdict")
        screened = pbx.rx("tollgate screen 0900123456")
        if out and gone and into and verdict == "block" and screened.startswith("block type premium_rate"):
            done += 1
        else:
            problem = f": unloaded {out}, gone {gone}, loaded {into}, manager {verdict}, console {screened.strip()[:60]}"
            if not pbx.alive():
                break
    check(version, "unloaded and loaded again, under calls", "20", f"{done}{problem}")
    channels = pbx.rx("core show channels concise")
    check(version, "the call that was there before goes on", True, "PJSIP/live" in channels)
    # No new calls; those under way to their end.
    flood.send_signal(signal.SIGUSR1)
    status = flood.wait(30)
    pbx.rx("channel request hangup all")
    live.wait(20)
    succeeded, unexpected = sums(stem)
    check(version, "calls that should fail, meanwhile: failed otherwise", "0 of more than 50, exit status 0",
          f"{unexpected} of {succeeded}, exit status {status}", unexpected == 0 and succeeded > 50 and status == 0)
    check(version, "a call then", (200, 403), (pbx.call(CALLER, "0905000111", "outbound"),
                                              pbx.call(CALLER, "0900123456", "outbound")))


def under_way(version, pbx, manager, index, work):
    """A forced unload while a command of the module is under way: here a reload that waits for a pipe.

    Found in review: Asterisk keeps such a command registered and says that it did not, and the next look at
    the commands was one into the unmapped module.
    """
    good = index.read_bytes()
    pipe = work / "pipe.tgx"
    os.mkfifo(pipe)

    def start():
        pbx.settings(settings(pipe))
        said = []
        thread = threading.Thread(target=lambda: said.append(pbx.rx("tollgate reload", 60)), daemon=True)
        thread.start()
        check(version, "a reload is under way", True,
              wait(lambda: re.search(rf"{MODULE} .* 1 +Running", pbx.rx(f"module show like {MODULE}"))))
        return thread, said

    # One that does not end: the module stays, and all of it works.
    thread, said = start()
    refused = pbx.rx(f"module unload -f {MODULE}")
    check(version, "module unload -f, a command does not end", "no success", refused.strip()[:60], "Unloaded" not in refused)
    screened = pbx.rx("tollgate screen 0900123456")
    check(version, "console, manager, application, function then", ("block type", "block", 403, 403),
          (" ".join(screened.split()[:2]), manager.action("TollgateScreen", Number="0900123456").get("Verdict"),
           pbx.call(CALLER, "0900123456", "outbound"), pbx.call(CALLER, "0900123456", "screened")))
    feed(pipe, good).join(10)
    thread.join(10)
    check(version, "the reload then", "Reloaded: ...", "".join(said).strip()[:60], "".join(said).startswith("Reloaded: "))
    # One that ends while it is waited for: the module is gone, and so are its commands.
    thread, said = start()
    timer = threading.Timer(1, feed, (pipe, good))
    timer.start()
    unloaded = pbx.rx(f"module unload -f {MODULE}")
    timer.join()
    thread.join(10)
    check(version, "module unload -f, a command ends meanwhile", "Unloaded", unloaded.strip()[:60], "Unloaded" in unloaded)
    left = pbx.rx("core show help tollgate")
    check(version, "commands that are left", "No such command", left.strip()[:60], "No such command" in left)
    gone = pbx.rx("tollgate reload")
    check(version, "tollgate reload then", "No such command", gone.strip()[:60], "No such command" in gone)
    check(version, "Asterisk lives, without the module", (True, False), (pbx.alive(), pbx.alive() and pbx.mapped(MODULE)))
    pbx.settings(settings(index))
    said = pbx.rx(f"module load {MODULE}")
    check(version, "module load", "Loaded", said.strip()[:60], "Loaded" in said)


def names(version, pbx, manager, index):
    """Where a name is taken the module is not loaded, says so, and leaves nothing behind but what was there."""
    said = pbx.rx(f"module unload {MODULE}")
    check(version, "module unload", "Unloaded", said.strip()[:60], "Unloaded" in said)

    def left():
        found = []
        for what, command, there in (("function", "core show function TOLLGATE", "Info about"),
                                     ("result", "core show function TOLLGATE_RESULT", "Info about"),
                                     ("application", "core show application Tollgate", "Info about"),
                                     ("command", "tollgate show status", "taken")):
            if there in pbx.rx(command):
                found.append(what)
        if "No such command" not in pbx.rx("tollgate screen 112"):
            found.append("other commands")
        if "taken" in manager.action("TollgateScreen", Number="112").get("Message", ""):
            found.append("action")
        return found

    for what in ("function", "result", "application", "command", "action"):
        pbx.rx(f"test names take {what}")
        before = len(pbx.log())
        said = pbx.rx(f"module load {MODULE}")
        check(version, f"module load, {what} taken", "no success", said.strip()[:60], not re.match("Loaded", said))
        text = "Not loaded: what is named above"
        check(version, "the log says so; what is left", (True, [what]), (text in pbx.log_with(text, before), left()))
        pbx.rx(f"test names give {what}")
    said = pbx.rx(f"module load {MODULE}")
    check(version, "module load, all given back", "Loaded", said.strip()[:60], "Loaded" in said)
    check(version, "a call then", 403, pbx.call(CALLER, "0900123456", "outbound"))
