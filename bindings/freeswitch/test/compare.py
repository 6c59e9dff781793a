#!/usr/bin/env python3
"""mod_tollgate beside mod_blacklist, which FreeSWITCH brings, with a million numbers each, in one FreeSWITCH.

compare.py FREESWITCH_PREFIX MODULE TOLLGATE_COMMAND WORK

Prints time a check, memory, and how long a check waits at most while the lists are reloaded. A check is
what a dialplan does: the commands in ${…}, and mod_tollgate's application (mod_blacklist has none). A call
goes through twenty actions, each with the application once or with twenty-five commands in its text, since an
action alone costs FreeSWITCH more than a command in it. What such a call takes without them is taken off. Before that,
the answers of a hundred are looked at.

The time is the processor's, of the call's own thread, and the least of many calls, so that other work on the machine
counts as little as can be. What counts is the ratio, of one run.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

from pbx import Esl, FreeSwitch, end_on_signals, on_signals

NUMBERS = 1_000_000
CALLS, ACTIONS, EACH = 300, 20, 25


def threads_times(pbx):
    """Nanoseconds that each of FreeSWITCH's threads has run."""
    times = {}
    for task in pathlib.Path(f"/proc/{pbx.process.pid}/task").iterdir():
        try:
            times[task.name] = int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # it has ended meanwhile
            pass
    return times


def invite(pbx, target):
    """A call, to its final answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(10)
        s.connect(("127.0.0.1", pbx.internal))
        port, call = s.getsockname()[1], uuid.uuid4().hex
        sdp = "v=0\r\no=u 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"

        def request(method, to_tag="", body=""):
            content = "Content-Type: application/sdp\r\n" if body else ""
            s.send((f"{method} sip:{target}@127.0.0.1:{pbx.internal} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call}\r\nMax-Forwards: 70\r\n"
                    f"From: <sip:1000@127.0.0.1>;tag={call}\r\nTo: <sip:{target}@127.0.0.1>{to_tag}\r\n"
                    f"Call-ID: {call}\r\nCSeq: 1 {method}\r\nContact: <sip:1000@127.0.0.1:{port}>\r\n"
                    f"{content}Content-Length: {len(body)}\r\n\r\n{body}").encode())

        request("INVITE", body=sdp)
        while True:
            reply = s.recv(65536).decode()
            status = int(reply.split()[1])
            if status >= 200:
                break
        request("ACK", ";" + re.search(r"^To:.*?;(tag=\S+)", reply, re.M)[1])
        if status != 488:
            sys.exit(f"{target}: {reply}")


def cost(pbx, target):
    """Seconds of processor time that a call's own thread takes: the one that has run most meanwhile."""
    before = threads_times(pbx)
    invite(pbx, target)
    # Until its events are dealt with: they are not to be the next call's time.
    time.sleep(0.03)
    return max(ran - before.get(thread, 0) for thread, ran in threads_times(pbx).items()) / 1e9


def check_answers(pbx, asked):
    """Whether both found what is listed, by the variables of one call each."""
    for name, found in (("mod_tollgate", "big"), ("mod_blacklist", "true")):
        esl = Esl(pbx.esl_port)
        esl.send("event plain CHANNEL_HANGUP_COMPLETE")
        esl.read()
        invite(pbx, "answers-" + name)
        _, body = esl.read()
        seen = dict(re.findall(r"^variable_x(\d+): (\S*)$", body, re.M))
        for i, (number, is_listed) in enumerate(asked):
            if (seen.get(str(i)) == found) != is_listed:
                sys.exit(f"{name}: {number}: {seen.get(str(i))}")


def main():
    end_on_signals()
    prefix, module, command, work = sys.argv[1:5]
    work = pathlib.Path(work)
    random.seed(1)
    # Mobile numbers of Slovakia, which are assigned: half of them are listed.
    everyone = random.sample(range(905_000_000, 909_000_000), 2 * NUMBERS)
    listed, others = [f"421{n}" for n in everyone[:NUMBERS]], [f"421{n}" for n in everyone[NUMBERS:]]

    pbx = FreeSwitch(prefix, module, work / "fs", loglevel="err")
    pbx.write_conf(modules=())
    (pbx.work / "blacklist.txt").write_text("\n".join(listed) + "\n")
    (work / "list.txt").write_text("\n".join("+" + n for n in listed) + "\n")
    (work / "policy.toml").write_text(
        '[policy]\nname = "compare"\n[site]\nhome = "SK"\n[lists.big]\naction = "block"\nfiles = ["list.txt"]\n'
        '[profiles.default.outbound]\nlists = ["big"]\n')
    indexes = work / "policy.tgx", work / "other.tgx"
    live = work / "live.tgx"
    subprocess.run([command, "build", str(work / "policy.toml"), "-o", str(indexes[0])], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (work / "policy2.toml").write_text((work / "policy.toml").read_text().replace('files =', 'entries = ["+37126123456"]\nfiles ='))
    subprocess.run([command, "build", str(work / "policy2.toml"), "-o", str(indexes[1])], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.copy(indexes[0], live)
    pbx.settings(index=live)
    try:
        pbx.start()

        def loaded(name):
            before, start = pbx.resident(), time.monotonic()
            reply = pbx.api(f"load {name}")
            if "+OK" not in reply:
                sys.exit(f"{name}: {reply}")
            return time.monotonic() - start, pbx.resident() - before

        rows = {}
        seconds, memory = loaded("mod_tollgate")
        rows["mod_tollgate"] = {"load": seconds, "memory": memory}
        seconds, memory = loaded("mod_blacklist")
        rows["mod_blacklist"] = {"load": seconds, "memory": memory}

        checks = {
            "mod_tollgate": (lambda n: f"tollgate screen +{n}", lambda r: r.startswith("+OK block list big"), "tollgate reload"),
            "mod_blacklist": (lambda n: f"blacklist check big {n}", lambda r: r == "true", "blacklist reload"),
        }
        # What answers are looked at by: each in a variable of its own.
        answers = {
            "mod_tollgate": lambda n, i: f'<action application="tollgate" data="cause=none number=+{n}" inline="true"/>'
                                         f'<action application="set" data="x{i}=${{tollgate_list}}" inline="true"/>',
            "mod_blacklist": lambda n, i: f'<action application="set" data="x{i}=${{blacklist(check big {n})}}" inline="true"/>',
        }

        def in_a_text(one):
            return lambda numbers: '<action application="set" data="x=' + "".join(map(one, numbers)) + '" inline="true"/>'

        actions = {
            "nothing": (0, lambda _: '<action application="set" data="x=false" inline="true"/>'),
            "application": (1, lambda n: f'<action application="tollgate" data="cause=none number=+{n[0]}" inline="true"/>'),
            "mod_tollgate": (EACH, in_a_text(lambda n: f"${{tollgate(screen number=+{n})}}")),
            "mod_blacklist": (EACH, in_a_text(lambda n: f"${{blacklist(check big {n})}}")),
        }
        asked = [(random.choice(listed), True) if i % 2 else (random.choice(others), False) for i in range(100)]
        extensions = {"answers-" + name: [answer(n, i) for i, (n, _) in enumerate(asked)] for name, answer in answers.items()}
        for name, (each, action) in actions.items():
            for which, numbers in {"listed": listed, "other": others}.items():
                extensions[f"{name}-{which}"] = [action(random.sample(numbers, each)) for _ in range(ACTIONS)]
        text = ""
        for name, inline in extensions.items():
            text += f'<extension name="{name}"><condition field="destination_number" expression="^{name}$">\n'
            text += "\n".join(inline)
            text += '\n<action application="respond" data="488"/></condition></extension>\n'
        (pbx.conf / "dialplan/default/00_compare.xml").write_text(f"<include>\n{text}</include>\n")
        pbx.api("reloadxml")
        check_answers(pbx, asked)
        # In turns, so that none has a quieter machine.
        times = {name: [] for name in extensions if not name.startswith("answers-")}
        for _ in range(CALLS):
            for name in times:
                times[name].append(cost(pbx, name))

        # One thread asks for listed numbers without pause, another reloads three times.
        for name, (ask, blocked, reload) in checks.items():
            waits, wrong, stop = [], [], threading.Event()

            def asking():
                connection = Esl(pbx.esl_port)
                while not stop.is_set():
                    number = random.choice(listed)
                    start = time.perf_counter()
                    reply = connection.api(ask(number))
                    waits.append(time.perf_counter() - start)
                    if not blocked(reply):
                        wrong.append(reply)

            thread = threading.Thread(target=asking)
            thread.start()
            time.sleep(0.5)
            before, took = pbx.resident(), []
            for turn in range(4):
                if name == "mod_tollgate":
                    # Another index each time: one that is the same is not exchanged.
                    shutil.copy(indexes[(turn + 1) % 2], work / "aside")
                    os.replace(work / "aside", live)
                start = time.monotonic()
                pbx.api(reload)
                took.append(time.monotonic() - start)
            stop.set()
            thread.join()
            rows[name] |= {"reload": max(took), "stall": max(waits), "wrong": len(wrong), "asked": len(waits),
                           "grown": pbx.resident() - before}

        nothing = min(times["nothing-listed"] + times["nothing-other"])

        def check(name, which):
            return (min(times[f"{name}-{which}"]) - nothing) / ACTIONS / actions[name][0] * 1e6

        def row(text, unit, digits, value):
            tollgate, blacklist = value("mod_tollgate"), value("mod_blacklist")
            ratio = "" if blacklist is None else f"{tollgate / blacklist:.2f}" if blacklist > 0 else "?"
            print(f"| {text} | {tollgate:.{digits}f} {unit} | " +
                  ("has none" if blacklist is None else f"{blacklist:.{digits}f} {unit}") + f" | {ratio} |")

        print(f"{NUMBERS} numbers; {CALLS} calls of each kind; an action that does nothing: {nothing / ACTIONS * 1e6:.0f} µs")
        print("| | mod_tollgate | mod_blacklist | ratio |")
        print("| --- | --- | --- | --- |")
        for which in ("other", "listed"):
            what = "number that is listed" if which == "listed" else "number that is not listed"
            row(f"a {what}, by command: ${{…}}", "µs", 1, lambda n: check(n, which))
            row(f"a {what}, by application", "µs", 1,
                lambda n: check("application", which) if n == "mod_tollgate" else None)
        row("load", "s", 2, lambda n: rows[n]["load"])
        row("memory for the list", "MB", 0, lambda n: rows[n]["memory"] / 1024)
        row("reload", "s", 2, lambda n: rows[n]["reload"])
        row("longest check meanwhile", "ms", 1, lambda n: rows[n]["stall"] * 1e3)
        row("memory grown by 4 reloads", "MB", 0, lambda n: rows[n]["grown"] / 1024)
        for name in rows:
            print(f"{name}: {rows[name]['wrong']} wrong answers of {rows[name]['asked']} meanwhile")
    finally:
        on_signals(signal.SIG_IGN)
        pbx.stop()


if __name__ == "__main__":
    main()
