"""Does README.md show what the quick start prints?   readme.py REPORT [--write]"""

import sys

START, END = "<!-- what the first command prints -->\n```text\n", "```\n"
with open("README.md", encoding="utf-8") as file:
    readme = file.read()
with open(sys.argv[1], encoding="utf-8") as file:
    report = file.read()

before, start, rest = readme.partition(START)
shown, end, after = rest.partition(END)
if not (start and end):
    sys.exit(f"README.md lacks the block that starts with {START!r}")
if shown != report:
    if "--write" not in sys.argv[2:]:
        sys.exit("README.md shows an old report. Renew it:\n"
                 "  cargo run -q --release -- analyze fixtures/hello-reset/client.pcap > /tmp/report\n"
                 "  python3 .ci/readme.py /tmp/report --write")
    with open("README.md", "w", encoding="utf-8") as file:
        file.write(before + start + report + end + after)
