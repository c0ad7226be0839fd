#!/usr/bin/env python3
"""Records what full-screen programs write into an 80x24 terminal, and how tmux shows the same bytes.

    hack/record-terminal.py [NAME...]        all of them unless told; needs tmux, vim, less, top, htop, unshare (root)

tests/terminal/NAME.raw is what the program wrote, cut off before it gives the screen back. tests/terminal/NAME.expected is the
picture that tmux, the reference, makes of it: the cursor's column and row, then `tmux capture-pane -e` of 24 lines.
tests/it/terminal.rs holds the program's own emulation against it, cell by cell.
"""
import fcntl, os, pathlib, pty, select, shlex, signal, struct, subprocess, sys, tempfile, termios, time

COLUMNS, ROWS = 80, 24
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "terminal"
YAML = "\n".join(
    ["apiVersion: v1", "kind: Pod", "metadata:", "  name: web  # a comment", "  labels: {app: \"web\", tier: 'front'}", "spec:", "  containers:"]
    + [f"  - name: c{n}\n    image: registry.k8s.io/pause:3.{n}\n    ports: [{{containerPort: {8000 + n}}}]\n    args: [--verbose, \"日本語 {n}\"]" for n in range(12)]) + "\n"
ALONE = ["unshare", "--pid", "--fork", "--mount-proc", "--uts", "sh", "-c"]


def alone(command):
    """A command that sees no process but its own, on a machine of another name."""
    return ALONE + [f"hostname node01; exec {command}"]


# name: command, keys in the order in which they are pressed once the screen is at rest
PROGRAMS = {
    "vim": (["vim", "-u", "NONE", "-N", "pod.yaml"],
            [":syntax on\r:set number incsearch hlsearch laststatus=2\r", ":split\r", "/name\r", "jjVjj", "\x1b:vsplit\r", "5dd", "u", "Onew line 日本\x1b", "\x06", "zz", ":set list\r"]),
    "less": (["less", "-R", "-N", "colour.txt"], ["/warn\r", "n", "\x06", "y", "-S\r", "\x1b)"]),
    "top": (alone("top -d 1000"), ["z", "x", "V", "1", "t", "m"]),
    "htop": (alone("htop -d 1000"), ["\x1b[B\x1b[B", "t", "H", "\x1bOQ"]),
    "tmux": (["tmux", "-L", "cks-lab-record-inner", "-f", "inner.conf", "new-session", "sh"],
             ["PS1='node01 $ '; clear\r", "\x02%", "PS1='controlplane $ '; clear\r", "printf 'k get nodes\\n日本語\\n'\r", "\x02\"", "PS1='> '; seq 40\r", "\x02o", "\x02[", "\x1b"]),
}


def files(home):
    (home / "pod.yaml").write_text(YAML)
    lines = [f"\x1b[{30 + n % 8}mline {n}\x1b[0m \x1b[1mwarn\x1b[0m \x1b[4munder\x1b[24m \x1b[7mreverse\x1b[27m b\bbo\bol\bld\bd  {'long ' * (n % 30)}日本" for n in range(120)]
    (home / "colour.txt").write_text("\n".join(lines) + "\n")
    (home / "inner.conf").write_text("set -g status-right ''\nset -g status-left '[lab] '\nset -g default-terminal tmux-256color\nset -g escape-time 0\nset -g automatic-rename off\n")


def rest(fd, quiet=0.4, limit=5.0):
    """Reads until nothing has come for a moment."""
    out, end = b"", time.monotonic() + limit
    while time.monotonic() < end:
        if not select.select([fd], [], [], quiet)[0]:
            break
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    return out


def record(command, keys, home):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(home)
        keep = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        os.execvpe(command[0], command, {**keep, "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": str(home), "SHELL": "/bin/sh"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    out = rest(fd)
    for press in keys:
        os.write(fd, press.encode())
        out += rest(fd)
    os.kill(pid, signal.SIGKILL)
    os.close(fd)
    os.waitpid(pid, 0)
    return out


def shown(raw):
    """The picture that tmux makes of the bytes."""
    with tempfile.TemporaryDirectory() as home:
        conf, data = pathlib.Path(home, "conf"), pathlib.Path(home, "raw")
        conf.write_text("set -g status off\nset -g history-limit 0\nset -g default-terminal tmux-256color\nset -g escape-time 0\n")
        data.write_bytes(raw)
        tmux = ["tmux", "-L", "cks-lab-record", "-f", str(conf)]
        show = f"stty raw -echo; cat {shlex.quote(str(data))}; touch {shlex.quote(home)}/done; exec sleep 1000"
        environment = {**os.environ, "LANG": "C.UTF-8"}
        run = lambda *words: subprocess.run([*tmux, *words], check=True, capture_output=True, env=environment).stdout
        run("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), show)
        try:
            while not pathlib.Path(home, "done").exists():
                time.sleep(0.05)
            before = None
            while before != (picture := (run("display-message", "-p", "#{cursor_x} #{cursor_y}"), run("capture-pane", "-epN"))):
                before = picture
                time.sleep(0.2)
        finally:
            run("kill-server")
        return b"".join(before)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PROGRAMS:
        command, keys = PROGRAMS[name]
        with tempfile.TemporaryDirectory() as home:
            files(pathlib.Path(home))
            raw = record(command, keys, home)
        subprocess.run(["tmux", "-L", "cks-lab-record-inner", "kill-server"], capture_output=True)
        (OUT / f"{name}.raw").write_bytes(raw)
        (OUT / f"{name}.expected").write_bytes(shown(raw))
        print(name, len(raw), "bytes")


main()
