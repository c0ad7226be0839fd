#!/usr/bin/env python3
"""Derive a release's flags, feature gates and RBAC bootstrap policy from a real API server of that release.

  update-tables.py --program PATH/kube-apiserver --modules "$(go env GOMODCACHE)/k8s.io" --version v1.31.0 \
      --server https://127.0.0.1:6443 --token TOKEN

Flags come from the program's --help, and from other releases' tables where the program takes a flag that its help hides.
Feature gates come from the declarations in the modules; each is tried with the program, both on and off, which tells
whether it exists and what it is locked to. The policy is what the running server made.

Writes assets/apiserver-flags-RELEASE.txt, assets/feature-gates-RELEASE.txt, assets/rbac/bootstrap-RELEASE.jsonl.
"""
import argparse, glob, json, os, re, ssl, subprocess, tempfile, urllib.request

ASSETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "assets")
FLAG = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(?: ((?:\S+ )?\S+))?(?:  |$)")
GATE = re.compile(r'eatur\w*(?:\.Feature)?\s*=\s*"(\w+)"')


def run(args, *flags):
    work = tempfile.mkdtemp()
    done = subprocess.run([args.program, f"--cert-dir={work}", *flags], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def flags(args):
    found = {}
    for line in run(args, "--help").splitlines():
        match = FLAG.match(line)
        if match:
            short, name, kind = match.groups()
            found[name] = (kind or "bool") + (" " + short if short else "")
    for path in glob.glob(f"{ASSETS}/apiserver-flags-*.txt"):
        with open(path) as table:
            for name, kind in (line.rstrip("\n").split(" ", 1) for line in table):
                if name not in found and "unknown flag" not in run(args, f"--{name}={'true' if kind == 'bool' else 1}"):
                    found[name] = kind
    return "".join(f"{name} {found[name]}\n" for name in sorted(found))


def gates(args):
    staging = "v0" + args.version[2:]
    folders = [f"kubernetes@{args.version}/pkg/features", f"apiserver@{staging}/pkg/features",
               f"apiextensions-apiserver@{staging}/pkg/features", f"controller-manager@{staging}/pkg/features",
               f"cloud-provider@{staging}", f"component-base@{staging}", f"client-go@{staging}/features",
               f"kube-aggregator@{staging}/pkg"]
    names = set("AllAlpha AllBeta".split())
    for folder in folders:
        for path in glob.glob(f"{args.modules}/{folder}/**/*.go", recursive=True):
            with open(path) as source:
                names.update(GATE.findall(source.read()))
    lines = []
    for name in sorted(names):
        locked = ""
        for value in ("true", "false"):
            said = run(args, f"--feature-gates={name}={value}")
            if "unrecognized feature gate" in said:
                break
            match = re.search(r"feature is locked to (\w+)", said)
            locked = match.group(1) if match else locked
        else:
            lines.append(f"{name} {locked}".rstrip())
    return "\n".join(lines) + "\n"


def policy(args):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    lines = []
    for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
        path = f"/apis/rbac.authorization.k8s.io/v1/{kind.lower()}s?labelSelector=kubernetes.io/bootstrapping"
        request = urllib.request.Request(args.server + path, headers={"Authorization": "Bearer " + args.token})
        for item in json.load(urllib.request.urlopen(request, context=context))["items"]:
            metadata = item["metadata"]
            labels = {k: v for k, v in metadata["labels"].items() if k != "kubernetes.io/bootstrapping"}
            line = {"kind": kind, "name": metadata["name"], "namespace": metadata.get("namespace"), "labels": labels}
            for field in ("aggregationRule", "rules", "roleRef", "subjects"):
                if not (field == "rules" and "aggregationRule" in item):
                    line[field] = item.get(field)
            lines.append(json.dumps({k: v for k, v in line.items() if v}, separators=(",", ":")))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("program", "modules", "version", "server", "token"):
        parser.add_argument("--" + option, required=True)
    args = parser.parse_args()
    release = ".".join(args.version[1:].split(".")[:2])
    for name, make in (("apiserver-flags-{}.txt", flags), ("feature-gates-{}.txt", gates), ("rbac/bootstrap-{}.jsonl", policy)):
        text = make(args)
        with open(os.path.join(ASSETS, name.format(release)), "w") as table:
            table.write(text)


main()
