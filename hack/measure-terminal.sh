#!/usr/bin/env bash
# Measures the terminal program's pane against tmux, in the same kind of terminal, one after the other:
# how long `seq` takes to be drawn, how soon a typed key is echoed, the first frame, and what idling costs.
#
#   hack/measure-terminal.sh [LINES]        3000000 lines unless told; CKS_LAB names another program than the release build
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${CKS_LAB:-}" ] || cargo build --release --locked --quiet
exec python3 - "${CKS_LAB:-target/release/cks-lab}" "${1:-3000000}" <<'PYTHON'
import fcntl, os, pty, re, select, shutil, signal, statistics, struct, subprocess, sys, tempfile, termios, time

program, lines = os.path.abspath(sys.argv[1]), int(sys.argv[2])
COLUMNS, ROWS, KEYS, IDLE, ROUNDS = 120, 40, 200, 20, 3
now = time.perf_counter
ESCAPES = re.compile(rb"\x1b(\[[0-9;?>=<]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command, home):
        self.started = now()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "CKS_LAB_HOME": home, "XDG_CONFIG_HOME": home}
            for name in ("TMUX", "NO_COLOR"):
                environment.pop(name, None)
            # The size is set before the program looks.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execvpe(command[0], command, environment)
        self.seen = b""

    def read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return b""
        try:
            return os.read(self.fd, 1 << 16)
        except OSError:
            raise SystemExit("the program ended: " + self.seen[-2000:].decode(errors="replace"))

    def until(self, condition, limit=120):
        """Reads until what was read since meets a condition; seconds that took."""
        begun, seen = now(), b""
        while not condition(seen):
            piece = self.read(0.5)
            seen = (seen + piece)[-1 << 16:]
            self.seen = seen
            if now() - begun > limit:
                raise SystemExit("waited in vain; at last came " + repr(seen[-2000:]))
        return now() - begun

    def drain(self, seconds):
        end = now() + seconds
        while (left := end - now()) > 0:
            self.read(left)

    def write(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        try:
            # What it still writes must not keep it from ending.
            end = now() + 10
            while now() < end and os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                self.drain_quietly()
        except ChildProcessError:
            pass
        os.close(self.fd)

    def drain_quietly(self):
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                os.read(self.fd, 1 << 16)
            except OSError:
                pass


def plain(text):
    return ESCAPES.sub(b"", text)


def ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def echo(terminal):
    """Milliseconds from each key to its character on the screen."""
    times = []
    for n in range(KEYS):
        key = "abcdefghij"[n % 10]
        terminal.drain(0.02)
        begun = now()
        terminal.write(key)
        while True:
            piece = terminal.read(1)
            if not piece or key.encode() in plain(piece):
                break
        times.append((now() - begun) * 1000)
        if n % 30 == 29:
            terminal.write("\x15")
            terminal.drain(0.1)
    terminal.write("\x15")
    terminal.drain(0.2)
    return times


def flood(terminal):
    terminal.write(f"clear; seq {lines}; echo fin''ished\r")
    # The words are drawn once as they are typed, apart; whole they are there only at the end.
    return terminal.until(lambda seen: b"finished" in plain(seen), 300)


def measure(name, command, home, server=None):
    terminal = Terminal(command, home)
    first = terminal.until(lambda seen: len(seen) > 200 or b"cks-lab" in seen)
    terminal.until(lambda seen: b"$" in plain(seen) or b"#" in plain(seen))
    terminal.drain(1.5)
    terminal.write("PS1='> '\r")
    terminal.drain(0.5)
    times = echo(terminal)
    floods = [flood(terminal) for _ in range(ROUNDS)]
    terminal.drain(1)
    pid = server() if server else terminal.pid
    before = ticks(pid)
    terminal.drain(IDLE)
    idle = (ticks(pid) - before) / IDLE * 100
    terminal.close()
    return {"first": first * 1000, "echo": statistics.median(times), "p95": sorted(times)[int(len(times) * 0.95)],
            "flood": statistics.median(floods), "idle": idle}


home = tempfile.mkdtemp(prefix="cks-lab-measure-")
socket = f"cks-lab-measure-{os.getpid()}"
try:
    conf = os.path.join(home, "conf")
    open(conf, "w").write("set -g default-terminal tmux-256color\nset -g status on\nset -g history-limit 10000\n")
    tmux = ["tmux", "-L", socket, "-f", conf, "new-session", "-x", str(COLUMNS), "-y", str(ROWS), "bash --norc --noprofile"]
    server = lambda: int(subprocess.check_output(["tmux", "-L", socket, "display-message", "-p", "#{pid}"]))
    ours = measure("cks-lab", [program, "start"], home)
    theirs = measure("tmux", tmux, home, server)
    # The first frame by itself, on a lab that is there already and on none.
    firsts = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as fresh:
            terminal = Terminal([program], fresh)
            firsts.append(terminal.until(lambda seen: b"cks-lab" in plain(seen)) * 1000)
            terminal.close()
finally:
    subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True)
    shutil.rmtree(home, ignore_errors=True)

print("| what | cks-lab | tmux | goal |\n|---|---|---|---|")
print(f"| `seq {lines}` drawn, median of {ROUNDS} | {ours['flood']:.2f} s | {theirs['flood']:.2f} s | {ours['flood'] / theirs['flood']:.2f} of tmux's time, at most 1.2 |")
print(f"| a key echoed, median of {KEYS} (95 %) | {ours['echo']:.2f} ms ({ours['p95']:.2f}) | {theirs['echo']:.2f} ms ({theirs['p95']:.2f}) | under 1 ms |")
print(f"| the first frame, median of 5 | {statistics.median(firsts):.1f} ms | {theirs['first']:.1f} ms | under 50 ms |")
print(f"| CPU while idle, with the whole lab, over {IDLE} s | {ours['idle']:.2f} % | {theirs['idle']:.2f} % | under 0.5 % |")
PYTHON
