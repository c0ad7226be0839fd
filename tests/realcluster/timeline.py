"""timeline.py SED-EXPRESSION: edits kube-apiserver.yaml on the control plane with `sed -i`, and tells what becomes of it.

One line for each thing when it is first seen: seconds after the edit, and what it is, in the words of tests/conformance/kubelet.
The last line is a JSON object: the pod's UID before and after, the attempt of the new container, the mirror pod's annotation.
"""
import base64, http.client, json, ssl, subprocess, sys, time

MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
POD = "kube-apiserver-controlplane"
LIMIT = 240
unverified = ssl._create_unverified_context()


def run(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout


def ctr(*words):
    return run("ctr", "-n", "k8s.io", *words)


def readyz():
    """What somebody unknown is told."""
    try:
        connection = http.client.HTTPSConnection("172.30.1.2", 6443, timeout=5, context=unverified)
        connection.request("GET", "/readyz")
        return str(connection.getresponse().status)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return ""


known = {}


def facts(id):
    """Kind, pod UID and all else that containerd knows of a container or sandbox of the pod; None of others."""
    if id not in known:
        try:
            info = json.loads(ctr("containers", "info", id))
        except ValueError:
            return None
        labels = info["Labels"]
        ours = labels.get("io.kubernetes.pod.name") == POD
        known[id] = (labels["io.cri-containerd.kind"], labels["io.kubernetes.pod.uid"], info) if ours else None
    return known[id]


def look():
    """All containers and sandboxes of the pod, and whether they run."""
    tasks = [line.split() for line in ctr("tasks", "ls").splitlines()[1:]]
    running = {task[0] for task in tasks if task[2] == "RUNNING"}
    ids = ctr("containers", "ls", "-q").split()
    return {id: (*found, id in running) for id in ids if (found := facts(id))}


def mirror():
    """The mirror pod's annotation, and whether it is Ready."""
    try:
        admin = ("kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "-n", "kube-system")
        pod = json.loads(run(*admin, "get", "pod", POD, "-o", "json"))
    except ValueError:
        return None, False
    conditions = pod["status"].get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return pod["metadata"]["annotations"]["kubernetes.io/config.mirror"], ready


before = look()
old = next(id for id, (kind, _, _, runs) in before.items() if kind == "container" and runs)
uid = before[old][1]
sandbox = next(id for id, (kind, its, _, runs) in before.items() if kind == "sandbox" and runs and its == uid)
seen, new = set(), []
subprocess.run(["sed", "-i", sys.argv[1], MANIFEST], check=True)
begun = time.monotonic()
while "ready" not in seen and time.monotonic() < begun + LIMIT:
    at, answer, now = time.monotonic() - begun, readyz(), look()
    new = [(its, info) for id, (kind, its, info, _) in now.items() if kind == "container" and id not in before]
    hash, ready = mirror() if answer == "200" and new else (None, False)
    renewed = hash is not None and hash != uid
    so = {
        answer: answer == "refused" or (answer != "" and "refused" in seen),
        "ended": old not in now or not now[old][3],
        "removed": old not in now,
        "unready": sandbox not in now or not now[sandbox][3],
        "swept": sandbox not in now,
        "sandbox": any(k == "sandbox" and runs and id not in before for id, (k, _, _, runs) in now.items()),
        "container": bool(new),
        "mirror": renewed,
        "ready": renewed and ready,
    }
    for what in so:
        if so[what] and what not in seen:
            seen.add(what)
            print(f"{at:6.2f} {what}", flush=True)
    # Once the new server starts, its answers change quickly.
    time.sleep(0.05 if "sandbox" in seen else 0.2)
if new:
    its, info = new[0]
    metadata = json.loads(base64.b64decode(info["Extensions"]["io.cri-containerd.container.metadata"]["value"]))
    attempt = metadata["Metadata"]["Config"]["metadata"].get("attempt", 0)
    print(json.dumps({"old": uid, "new": its, "containers": len(new), "attempt": attempt, "mirror": mirror()[0]}))
