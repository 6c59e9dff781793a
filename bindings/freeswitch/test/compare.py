#!/usr/bin/env python3
"""mod_tollgate beside mod_blacklist, which FreeSWITCH brings, with a million numbers each, in one FreeSWITCH.

compare.py FREESWITCH_PREFIX MODULE TOLLGATE_COMMAND WORK

Prints time a check, memory, and how long a check waits at most while the lists are reloaded. A check is a
command, as mod_blacklist knows nothing else. A hundred of them are expanded at once, so that the event socket is not
what is measured, and what a command costs that does nothing is shown beside. Every answer is looked at.
"""

import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

from pbx import Esl, FreeSwitch

NUMBERS = 1_000_000
BATCHES, BATCH = 300, 100


def main():
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
    pbx.start()
    try:
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
        # In turns, so that none has a quieter machine.
        times = {"nothing": [], "mod_tollgate": [], "mod_blacklist": []}
        esl = Esl(pbx.esl_port)

        def batch(name, commands):
            """A hundred commands as one; their replies."""
            line = "expand echo " + "|".join("${" + c.replace(" ", "(", 1) + ")}" for c in commands)
            start = time.perf_counter()
            replies = esl.api(line)
            times[name].append((time.perf_counter() - start) / BATCH)
            return replies.split("|")

        for _ in range(BATCHES):
            asked = [(random.choice(listed), True) if i % 2 else (random.choice(others), False) for i in range(BATCH)]
            batch("nothing", ["echo x"] * BATCH)
            for name, (ask, blocked, _) in checks.items():
                replies = batch(name, [ask(number) for number, _ in asked])
                wrong = [(a, r) for a, r in zip(asked, replies, strict=True) if blocked(r) != a[1]]
                if wrong:
                    sys.exit(f"{name}: {wrong[:3]}")

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

        nothing = statistics.median(times["nothing"])
        print(f"{NUMBERS} numbers, {BATCHES * BATCH} checks each, half of them of listed numbers; "
              f"a command that does nothing: {nothing * 1e6:.1f} µs")
        print("| | mod_tollgate | mod_blacklist |")
        print("| --- | --- | --- |")

        def row(text, value):
            print(f"| {text} | {value('mod_tollgate')} | {value('mod_blacklist')} |")

        row("a check by command, median", lambda n: f"{statistics.median(times[n]) * 1e6:.1f} µs")
        row("without the command itself", lambda n: f"{(statistics.median(times[n]) - nothing) * 1e6:.1f} µs")
        row("load", lambda n: f"{rows[n]['load']:.2f} s")
        row("memory for the list", lambda n: f"{rows[n]['memory'] / 1024:.0f} MB")
        row("reload", lambda n: f"{rows[n]['reload']:.2f} s")
        row("longest check meanwhile", lambda n: f"{rows[n]['stall'] * 1e3:.1f} ms")
        row("wrong answers meanwhile", lambda n: f"{rows[n]['wrong']} of {rows[n]['asked']}")
        row("memory grown by 4 reloads", lambda n: f"{rows[n]['grown'] / 1024:.0f} MB")
    finally:
        pbx.stop()


if __name__ == "__main__":
    main()
