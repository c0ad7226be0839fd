#!/usr/bin/env bash
# Prints the README's numbers: medians over several runs of the release build, in a state directory of its own.
#
#   hack/measure.sh [RUNS]        5 runs unless told
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${CKS_LAB:-}" ] || cargo build --release --locked --quiet
exec python3 - "${CKS_LAB:-target/release/cks-lab}" "${1:-5}" <<'PYTHON'
import atexit, json, os, pty, re, select, shutil, signal, ssl, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

program, runs = os.path.abspath(sys.argv[1]), int(sys.argv[2])
LESSON, STEP, IDLE = "apiserver-node-restriction", "verify-issue", 20
ESCAPES = re.compile(rb"\x1b(\[[0-9;?>=<]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")
PROMPT = re.compile(rb"controlplane(:\S*)? ?[$#]")
now = time.monotonic


def environment(home):
    return {**os.environ, "CKS_LAB_HOME": home, "TERM": "xterm-256color", "LANG": "C.UTF-8"}


def tree(root):
    """The process ids of a process and all that descend from it."""
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open(f"/proc/{pid}/stat").read()
        except OSError:
            continue
        children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(pid))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory(root):
    """MiB of the tree: the sum of proportional set sizes, so that shared pages count once."""
    total = 0
    for pid in tree(root):
        try:
            rollup = open(f"/proc/{pid}/smaps_rollup").read()
        except OSError:
            continue
        total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))
    return total / 1024


def ticks(root):
    """CPU seconds of the tree so far, user and system, with those of children that ended."""
    total = 0
    for pid in tree(root):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


# Removed only at the end: ext4 makes files slowly for some seconds after many were removed.
homes = tempfile.mkdtemp(prefix="cks-lab-measure-")
atexit.register(shutil.rmtree, homes, ignore_errors=True)


def a_home():
    return tempfile.mkdtemp(dir=homes)


class Lab:
    def __enter__(self):
        self.home = a_home()
        started = now()
        self.process = subprocess.Popen([program, "up", LESSON, "--json"], env=environment(self.home), text=True,
                                        stdout=subprocess.PIPE, stderr=open(os.path.join(self.home, "stderr"), "w"))
        line = self.process.stdout.readline()
        self.ready = now() - started
        if not line:
            raise SystemExit("no lab: " + open(os.path.join(self.home, "stderr")).read())
        self.info = json.loads(line)
        self.run("exec", "controlplane", "--", "true", check=True)
        self.usable = now() - started
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def run(self, *words, check=False):
        return subprocess.run([program, *words], env=environment(self.home), capture_output=True, check=check)

    def ok(self):
        context = ssl._create_unverified_context()
        try:
            return urllib.request.urlopen(self.info["server"] + "/readyz", timeout=2, context=context).status == 200
        except (OSError, urllib.error.URLError):
            return False

    def until(self, up, limit=60):
        end = now() + limit
        while self.ok() != up:
            if now() > end:
                raise SystemExit(f"the API server did not {'come back' if up else 'go away'} in {limit} s")
            time.sleep(0.005)


def restart(lab):
    """From saving the manifest to the API server's first 200, with the refusal seen between."""
    path = os.path.join(lab.info["manifests"], "kube-apiserver.yaml")
    text = open(path).read()
    if "--enable-admission-plugins=NodeRestriction" in text:
        text = text.replace("--enable-admission-plugins=NodeRestriction", "--enable-admission-plugins=")
    elif "--enable-admission-plugins=" in text:
        text = re.sub(r"(--enable-admission-plugins=)\S*", r"\1NodeRestriction", text)
    else:
        text = re.sub(r"^( *- )(kube-apiserver)$", r"\1\2\n\1--enable-admission-plugins=NodeRestriction", text, flags=re.M)
    lab.until(True)
    saved = now()
    with open(path, "w") as file:
        file.write(text)
    lab.until(False)
    lab.until(True)
    return now() - saved


def grading(lab):
    """Grading one step through the running lab, less what starting the program takes."""
    def timed(*words):
        started = now()
        lab.run(*words)
        return now() - started
    lab.run("check", STEP, "--json")
    empty = statistics.median(timed("--version") for _ in range(5))
    return max(0.0, statistics.median(timed("check", STEP, "--json") for _ in range(5)) - empty)


def first_prompt():
    """From starting the terminal program, 120x40, to the first prompt of its shell on the screen."""
    home = a_home()
    started = now()
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(program, [program, "start", LESSON], {**environment(home), "COLUMNS": "120", "LINES": "40"})
    import fcntl, struct, termios
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen, took = b"", None
    try:
        while now() - started < 60:
            if not select.select([fd], [], [], 0.05)[0]:
                continue
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
            if PROMPT.search(ESCAPES.sub(b"", seen)):
                took = now() - started
                break
    finally:
        os.kill(pid, signal.SIGTERM)
        os.close(fd)
        os.waitpid(pid, 0)
    return took


numbers = {}


def note(name, value):
    if value is not None:
        numbers.setdefault(name, []).append(value)


def show(label, name, unit, scale=1.0, digits=0):
    values = [value * scale for value in numbers.get(name, [])]
    if not values:
        print(f"| {label} | could not be measured |")
        return
    print(f"| {label} | {statistics.median(values):.{digits}f} {unit} ({min(values):.{digits}f} to {max(values):.{digits}f}) |")


for turn in range(runs):
    print(f"run {turn + 1} of {runs}", file=sys.stderr)
    with Lab() as lab:
        note("ready", lab.ready)
        note("usable", lab.usable)
        note("memory", memory(lab.process.pid))
        note("grading", grading(lab))
        if turn == 0:
            before = ticks(lab.process.pid)
            time.sleep(IDLE)
            note("idle", (ticks(lab.process.pid) - before) / IDLE)
        note("restart", restart(lab))
    note("prompt", first_prompt())

print("| what | median (least to most) |\n|---|---|")
show("from start to a lab that is ready (`up --json`)", "ready", "ms", 1000)
show("... and its first command run on a node (`exec`)", "usable", "ms", 1000)
show("from start to the first prompt on the screen", "prompt", "ms", 1000)
show("API server back after its manifest is saved", "restart", "ms", 1000)
show("one step graded", "grading", "ms", 1000)
show("memory of the whole lab (PSS)", "memory", "MiB", 1, 1)
show(f"idle CPU over {IDLE} s, of one core", "idle", "%", 100, 2)
print(f"| size of the program | {os.path.getsize(program) / 2**20:.1f} MiB |")
PYTHON
