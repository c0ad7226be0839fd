#!/usr/bin/env python3
"""Records what the real crictl prints of the node of tests/conformance/crictl/node-RELEASE.json, for tests/it/crictl.rs.

    hack/record-crictl.py RELEASE CRICTL RUNTIME PROGRAM [OUT]

RELEASE is 1.31 or 1.36; CRICTL the real crictl of that release (sigs.k8s.io/cri-tools), RUNTIME the program of tests/crictl,
PROGRAM cks-lab: it says what a runtime would know of that node, and RUNTIME tells the real crictl so. Times are masked.
"""
import datetime
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "conformance", "crictl")
LOG = ['2026-11-28T01:00:00.1Z stdout F one', '2026-11-28T01:30:00.2Z stderr F two', '2026-11-28T02:30:00.3Z stdout F three']


def answer(state, logs, connection):
    """Answers one question as the kubelet of the node does."""
    with connection, connection.makefile("rw") as stream:
        question = json.loads(stream.readline() or "{}")
        if question.get("op") == "logs":
            for line in logs[-(question.get("tail") if question.get("tail") is not None else len(logs)):] if question.get("tail") != 0 else []:
                at, kind, _, text = line.split(" ", 3)
                if not question.get("since") or at > question["since"]:
                    stream.write(json.dumps({"at": at, "stderr": kind == "stderr", "text": text}) + "\n")
        elif question.get("op") == "used":
            stream.write(json.dumps({"cpu": 4000000000, "memory": 185600000, "faults": [9012, 0]}) + "\n")
        else:
            stream.write(json.dumps(state) + "\n")
        stream.flush()


def serve(path, state):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(state, LOG, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def moved(line, now):
    """A line of a log as long before the present as it is before the node's."""
    at, rest = line.split(" ", 1)
    read = lambda text: datetime.datetime.fromisoformat(text[:19] + "+00:00")
    then = datetime.datetime.now(datetime.timezone.utc) - (read(now) - read(at))
    return then.strftime("%Y-%m-%dT%H:%M:%S.%fZ ") + rest


def mask(text, places):
    for place, name in places.items():
        text = text.replace(place, name)
    for pattern, by in [
        (r'time="[^"]*" ', 'time="T" '),
        (r"^[EWI]\d{4} [\d:.]+ +\d+ ", lambda m: m.group(0)[0] + " "),
        (r"(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "T "),
        (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
        (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", "TIME"),
        (r"\b1[789]\d{17}\b", "NANOS"),
        (r'": {2,}', '": '),
    ]:
        text = re.sub(pattern, by, text, flags=re.M)
    return text


def transcript(command, words, environment, places):
    done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    err = "".join(f"! {line}\n" for line in mask(done.stderr, places).splitlines())
    out = mask(done.stdout, places)
    end = "" if out.endswith("\n") or not out else "\\\n"
    return f"{out}{end}{err}? {done.returncode}\n"


def main(release, crictl, runtime, program, out=None):
    with open(os.path.join(HERE, f"node-{release}.json")) as file:
        state = json.load(file)
    work = tempfile.mkdtemp(prefix="crictl")
    ours, theirs, logs = os.path.join(work, "containerd", "containerd.sock"), os.path.join(work, "r.sock"), os.path.join(work, "pods")
    os.makedirs(os.path.dirname(ours))
    os.makedirs(os.path.join(work, "systemd"))
    serve(ours, state)
    serve(os.path.join(work, "systemd", "private"), state)
    config = os.path.join(work, "crictl.yaml")
    with open(config, "w") as file:
        file.write("runtime-endpoint: unix:///run/containerd/containerd.sock\nimage-endpoint: unix:///run/containerd/containerd.sock\n")
    plain = {"PATH": os.environ["PATH"], "TZ": "UTC", "CRI_CONFIG_FILE": config}

    def lab(*words):
        environment = {**plain, "CKS_LAB_NODE_SOCKET": ours}
        return json.loads(subprocess.run(["bash", "-c", 'exec -a crictl "$0" "$@"', program, *words], env=environment, check=True, capture_output=True).stdout)

    def each(command, ids):
        return [lab(command, one) for one in ids]

    info = lab("info")
    node = {
        "now": state["now"],
        "version": {"version": "0.1.0", "runtimeName": "containerd", "runtimeVersion": lab_version(program, plain, ours), "runtimeApiVersion": "v1"},
        "containers": lab("ps", "-a", "-o", "json"),
        "pods": lab("pods", "-o", "json"),
        "images": lab("images", "-o", "json"),
        "inspect": each("inspect", [c["id"] for c in state["containers"]]),
        "inspectp": each("inspectp", [s["id"] for s in state["sandboxes"]]),
        "info": info,
        "stats": lab("stats", "-a", "--seconds", "0", "-o", "json"),
        "statsp": lab("statsp", "-o", "json"),
        "fileSystem": lab("imagefsinfo"),
    }
    node["inspecti"] = each("inspecti", [i["id"] for i in node["images"]["images"]])
    with open(os.path.join(work, "node.json"), "w") as file:
        json.dump(node, file)
    for container in state["containers"]:
        path = container["log_path"].replace("/var/log/pods", logs)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("".join(moved(line, state["now"]) + "\n" for line in LOG))
    server = subprocess.Popen([runtime, theirs, os.path.join(work, "node.json"), logs])
    while not os.path.exists(theirs):
        time.sleep(0.05)
    asked = "/run/containerd/containerd.sock" if out == "lab" else theirs
    places = {theirs: "/run/containerd/containerd.sock", ours: "/run/containerd/containerd.sock", logs: "/var/log/pods", os.path.dirname(os.path.abspath(crictl)): "/usr/bin", config: "/etc/crictl.yaml"}
    ids = names(state)
    if out == "lab":
        command, environment, out = ["bash", "-c", 'exec -a crictl "$0" "$@"', program], {**plain, "CKS_LAB_NODE_SOCKET": ours}, f"/tmp/lab-{release}.txt"
    else:
        command, environment, out = [crictl], plain, out or os.path.join(HERE, f"crictl-{release}.txt")
    try:
        with open(os.path.join(HERE, "commands.txt")) as commands, open(out, "w") as file:
            for line in commands.read().splitlines():
                with open(config, "w") as settings:
                    settings.write(f"runtime-endpoint: unix://{asked}\nimage-endpoint: unix://{asked}\n")
                words = [ids.get(word, word.replace("_", " ") if "{{" in word else word) for word in line.split()]
                file.write(f"$ crictl {line}\n{transcript(command, words, environment, places)}")
                file.flush()
    finally:
        server.kill()
        shutil.rmtree(work)


def lab_version(program, plain, socket_path):
    environment = {**plain, "CKS_LAB_NODE_SOCKET": socket_path}
    text = subprocess.run(["bash", "-c", 'exec -a crictl "$0" version', program], env=environment, check=True, capture_output=True, text=True).stdout
    return re.search(r"RuntimeVersion: +(\S+)", text).group(1)


def names(state):
    """What the words in capitals stand for."""
    def container(name, which):
        return next(c for c in state["containers"] if c["spec"]["name"] == name and c["state"] == which)["id"]

    pod = next(s for s in state["sandboxes"] if s["pod"]["name"].startswith("kube-apiserver") and s["ready"])["id"]
    etcd = container("etcd", "Running")
    return {"ETCD": etcd, "ETCD6": etcd[:6], "OLD": container("kube-scheduler", "Exited"), "SCHEDULER": container("kube-scheduler", "Running"),
            "APIPOD": pod, "APIPOD6": pod[:6]}


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
