"""Records a terminal: the demo's servers, some changes at the broker, three commands; what the terminal shows in the
end is drawn as SVG, in the order in which it came. Without animation the whole is seen at once.

Deliberately absent: any picture of what did not happen; colours and words are the program's own.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from xml.sax.saxutils import escape

COLUMNS, WIDTH, HEIGHT, MARGIN = 84, 8.43, 19, 20
COMMANDS = ["broker-courier plan", "broker-courier run", "broker-courier status"]
NODE_KEY = "xxxApiKey123"
COLOURS = {"31": "#f87171", "32": "#4ade80", "33": "#facc15", "34": "#60a5fa", "35": "#c084fc", "36": "#22d3ee"}
DEFINITION = """<queryRequest xmlns="http://aktin.org/ns/exchange"><id>1</id><query><title>T</title>
<principal><tags><tag>rki</tag></tags></principal></query></queryRequest>"""


class Broker:
    def __init__(self, url, key):
        self.url, self.key = url, key

    def call(self, method, path, body=None, kind=None, key=None):
        headers = {"Authorization": f"Bearer {key or self.key}"}
        if kind:
            headers["Content-Type"] = kind
        request = urllib.request.Request(f"{self.url}/{path}", body, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.headers

    def publish(self):
        kind = "application/vnd.aktin.query.request+xml"
        number = self.call("POST", "broker/request", DEFINITION.encode(), kind)["Location"].rsplit("/", 1)[1]
        self.call("POST", f"broker/request/{number}/publish")
        return number

    def answer(self, number, text):
        self.call("PUT", f"aggregator/my/request/{number}/result", text.encode(), "text/csv", NODE_KEY)
        self.call("POST", f"broker/my/request/{number}/status/completed", b"", None, NODE_KEY)


class Screen:
    """As much of a terminal as the program uses: lines of characters, each with its style."""

    def __init__(self):
        self.lines, self.row, self.column, self.style = [[]], 0, 0, ("", False, False)

    def feed(self, text):
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]|\x1b", text):
            if part.startswith("\x1b["):
                self.control(part[2:-1], part[-1])
            elif part == "\r":
                self.column = 0
            elif part == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append([])
            elif part >= " ":
                if self.column == COLUMNS:
                    # The next character goes to the next line, as progress bars rely on.
                    self.feed("\r\n")
                line = self.lines[self.row]
                line += [(" ", self.style)] * (self.column + 1 - len(line))
                line[self.column] = (part, self.style)
                self.column += 1

    def control(self, numbers, letter):
        first = int(numbers) if numbers.isdigit() else 1
        if letter == "m":
            for number in numbers.split(";"):
                colour, bold, dim = self.style
                if number in ("", "0"):
                    self.style = ("", False, False)
                elif number == "1":
                    self.style = (colour, True, dim)
                elif number == "2":
                    self.style = (colour, bold, True)
                elif number in COLOURS:
                    self.style = (COLOURS[number], bold, dim)
                elif number == "39":
                    self.style = ("", bold, dim)
        elif letter == "K":
            del self.lines[self.row][0 if numbers == "2" else self.column :]
        elif letter == "J":
            del self.lines[self.row][self.column :]
            del self.lines[self.row + 1 :]
        elif letter == "A":
            self.row = max(0, self.row - first)
        elif letter == "B":
            self.row = min(len(self.lines) - 1, self.row + first)
        elif letter == "G":
            self.column = first - 1


def record(command, environment):
    """What the terminal shows of a command in the end."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("sh", ["sh", "-c", f"stty cols {COLUMNS} rows 40; exec {command}"], environment)
    text = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{command} ended with {status}: {text.decode()}")
    screen = Screen()
    screen.feed(text.decode())
    while screen.lines and not screen.lines[-1]:
        screen.lines.pop()
    return screen.lines


def runs(line):
    """Pieces of a line with one style each: the column, the text, the style."""
    pieces = []
    for column, (letter, style) in enumerate(line):
        if pieces and pieces[-1][2] == style:
            pieces[-1][1] += letter
        else:
            pieces.append([column, letter, style])
    return [piece for piece in pieces if piece[1].strip()]


def draw(shown):
    """Each line appears when its command has come to it; the whole stays for a while, and begins again."""
    rows = sum(len(lines) + 2 for _, lines in shown) - 1
    times, clock = [], 0.5
    for _, lines in shown:
        clock += 1.5
        times.append(clock)
        clock += 0.08 * len(lines) + 1.5
    whole = clock + 6
    width, height = COLUMNS * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN + 24
    body, rules, row = [], [], 0

    def put(pieces, at):
        nonlocal row
        y = MARGIN + 24 + (row + 1) * HEIGHT - 5
        name = f"l{row}"
        texts = []
        for column, text, (colour, bold, dim) in pieces:
            style = f' fill="{colour}"' if colour else ""
            style += ' font-weight="700"' if bold else ""
            style += ' opacity=".7"' if dim else ""
            texts.append(f'<text x="{MARGIN + column * WIDTH:.1f}" y="{y}"{style}>{escape(text)}</text>')
        body.append(f'<g class="{name}">{"".join(texts)}</g>')
        percent = 100 * at / whole
        rules.append(
            f"@keyframes {name}{{0%,{percent:.2f}%{{opacity:0}}{percent + 0.01:.2f}%,100%{{opacity:1}}}}"
            f".{name}{{animation:{name} {whole:.1f}s linear infinite}}"
        )
        row += 1

    for (command, lines), at in zip(shown, times):
        put([[0, "$ ", ("#4ade80", True, False)], [2, command, ("", True, False)]], at - 1.5)
        for index, line in enumerate(lines):
            put(runs(line), at + 0.08 * index)
        row += 1
    title = "A terminal: broker-courier plan, run and status"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" '
        f'role="img" aria-label="{title}"><title>{title}</title>'
        f"<style>text{{white-space:pre}}@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}</style>"
        f'<rect width="100%" height="100%" rx="10" fill="#0f172a" stroke="#475569"/>'
        '<g fill="#64748b"><circle cx="24" cy="20" r="6"/><circle cx="44" cy="20" r="6"/><circle cx="64" cy="20" '
        'r="6"/></g><g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" '
        f'font-size="14" fill="#e2e8f0">{"".join(body)}</g></svg>\n'
    )


def main():
    programs, target = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(
            [f"{programs}/demo", "--keep"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for line in demo.stdout:
            if "Press Enter" in line:
                break
        with open(f"{folder}/demo/courier.toml", "rb") as file:
            broker = tomllib.load(file)["BROKER"]
        broker = Broker(broker["URL"], broker["API_KEY"])
        environment = dict(
            os.environ,
            PATH=f"{programs}:{os.environ['PATH']}",
            BROKER_COURIER_CONFIG=f"{folder}/demo/courier.toml",
            TERM="xterm-256color",
        )
        environment.pop("NO_COLOR", None)
        # As it is once the demo's last scene, an empty broker, is over.
        subprocess.run(["broker-courier", "run"], env=environment, check=True)
        for _ in range(3):
            broker.answer(broker.publish(), "hospital;cases\nOne;17\n")
        broker.answer("2", "hospital;cases\nOne;21\n")
        broker.call("DELETE", "broker/request/0")
        time.sleep(1)
        shown = [(command, record(command, environment)) for command in COMMANDS]
        demo.communicate("\n")
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(shown))


if __name__ == "__main__":
    main()
