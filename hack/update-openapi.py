#!/usr/bin/env python3
"""Derive the type tables and the served OpenAPI documents from a real API server of the release.

  update-openapi.py --server https://127.0.0.1:6443 --token TOKEN --api "$(go env GOMODCACHE)/k8s.io/api@v0.31.0" \
      --machinery "$(go env GOMODCACHE)/k8s.io/apimachinery@v0.31.0" --release 1.31

The server says what each type consists of (its /openapi/v3); the Go declarations add what OpenAPI does not tell: whether a
field is a pointer, whether an empty one is left out, and its Go type, which error messages name.

Writes assets/schema-RELEASE.txt.gz (see src/apiserver/registry/schema.rs for the format), the columns of tables, and
assets/openapi/*.gz, which the releases share (see src/apiserver/openapi.rs).
"""
import argparse, gzip, json, os, re, ssl, urllib.request

GROUPS = """api/v1 apis/apps/v1 apis/authentication.k8s.io/v1 apis/authorization.k8s.io/v1 apis/certificates.k8s.io/v1
apis/coordination.k8s.io/v1 apis/discovery.k8s.io/v1 apis/events.k8s.io/v1 apis/node.k8s.io/v1 apis/policy/v1
apis/rbac.authorization.k8s.io/v1 apis/scheduling.k8s.io/v1 apis/storage.k8s.io/v1""".split()
UNSERVED = {"podtemplates", "replicationcontrollers", "controllerrevisions", "statefulsets",
            "csistoragecapacities", "volumeattachments", "volumeattributesclasses"}
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r'^\t(\w+)\s+(\S+)\s+`json:"([^"]*)"', re.M)
INLINE = re.compile(r'^\t([\w.]+)\s+`json:",inline"', re.M)


def fetch(args, path, accept="application/json"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(args.server + path, headers={"Authorization": "Bearer " + args.token, "Accept": accept})
    return json.load(urllib.request.urlopen(request, context=context))


def go_structs(path):
    """{struct: ({json name: (go type, pointer, omitempty, place, omitzero)}, [embedded])} of one types.go."""
    with open(path) as handle:
        text = handle.read()
    found = {}
    for name, body in STRUCT.findall(text):
        fields = {}
        for _, kind, tag in FIELD.findall(body):
            json_name, _, options = tag.partition(",")
            if json_name:
                fields[json_name] = (kind, kind.startswith("*"), "omitempty" in options, len(fields), "omitzero" in options)
        found[name] = (fields, [e.split(".")[-1] for e in INLINE.findall(body)])
    return found


def all_fields(structs, name):
    fields, embedded = structs.get(name, ({}, []))
    merged = dict(fields)
    for e in embedded:
        if e in structs:
            merged.update(all_fields(structs, e))
    return merged


MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.M | re.S)
NUMBER = re.compile(r"^  (?:optional |repeated )?(?:map<\w+, *)?([\w.]+)>? (\w+) = (\d+);", re.M)


def proto_messages(path):
    """{message: {field: (type, number)}} of one generated.proto."""
    if not os.path.exists(path):
        return {}
    with open(path) as handle:
        return {name: {f: (t, n) for t, f, n in NUMBER.findall(body)} for name, body in MESSAGE.findall(handle.read())}


def numbers(messages, message, properties, prefix=""):
    """{JSON field: its number}; `2.5` is field 5 of the message in field 2, which JSON has no object for."""
    found, names = {}, {name.lower(): name for name in properties}
    for field, (kind, number) in messages.get(message, {}).items():
        if field.lower() in names:
            found.setdefault(names[field.lower()], prefix + number)
        elif kind in messages:
            for inner, path in numbers(messages, kind, properties, prefix + number + ".").items():
                found.setdefault(inner, path)
    return found


def go_package(args, schema):
    parts = schema.split(".")
    if schema.startswith("io.k8s.api."):
        return os.path.join(args.api, *parts[3:-1], "types.go")
    if schema.startswith("io.k8s.apimachinery.pkg."):
        return os.path.join(args.machinery, *parts[3:-1], "types.go")
    return ""


def shape(schemas, schema):
    """The type of a field: s b i l n q x t u y r, @Name, [item, {value."""
    if "allOf" in schema:
        schema = dict(schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"})
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        short = name.rsplit(".", 1)[1]
        simple = {"Quantity": "q", "IntOrString": "x", "Time": "t", "MicroTime": "u", "FieldsV1": "r", "RawExtension": "r"}
        return simple.get(short) or "@" + name
    kind = schema.get("type")
    if kind == "array":
        return "[" + shape(schemas, schema["items"])
    if kind == "object":
        return "{" + shape(schemas, schema["additionalProperties"]) if "additionalProperties" in schema else "r"
    if kind == "string":
        return "y" if schema.get("format") == "byte" else "s"
    if kind == "integer":
        return "l" if schema.get("format") == "int64" else "i"
    return {"boolean": "b", "number": "n"}[kind]


def table(args, documents):
    schemas = {}
    for document in documents.values():
        schemas.update(document["components"]["schemas"])
    cache, protos, lines = {}, {}, []
    for name in sorted(schemas):
        schema = schemas[name]
        short = name.rsplit(".", 1)[1]
        if short in ("Quantity", "IntOrString", "Time", "MicroTime", "FieldsV1", "RawExtension"):
            continue
        path = go_package(args, name)
        if path not in cache:
            cache[path] = go_structs(path) if os.path.exists(path) else {}
            protos[path] = proto_messages(os.path.join(os.path.dirname(path), "generated.proto"))
        go = all_fields(cache[path], short)
        wire = numbers(protos[path], short, schema.get("properties", {}))
        lines.append(f"type {name}" + (" A" if schema.get("x-kubernetes-map-type") == "atomic" else ""))
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            if gvk["kind"] == short:
                lines.append(f" kind {gvk['group'] or '-'} {gvk['version']} {gvk['kind']}")
        properties = schema.get("properties", {})
        for field in sorted(properties, key=lambda f: go.get(f, ("", 0, 0, 99, 0))[3]):
            p = properties[field]
            kind, pointer, omit, _, zero = go.get(field, ("", False, True, 0, False))
            words = [field, shape(schemas, p)]
            flags = ("p" if pointer else "") + ("o" if omit else "") + ("z" if zero else "") + ("r" if field in schema.get("required", []) else "")
            words.append(flags or "-")
            if field in wire:
                words.append("N=" + wire[field])
            base = kind.lstrip("*[]")
            if re.fullmatch(r"[A-Z]\w*", base) and words[1] in ("s", "i", "l", "[s"):
                words.append("G=" + base)
            if p.get("x-kubernetes-map-type") == "atomic":
                words.append("A")
            if p.get("x-kubernetes-list-type") in ("set", "map"):
                words.append("L=" + p["x-kubernetes-list-type"] + ":" + ",".join(p.get("x-kubernetes-list-map-keys", [])))
            if "x-kubernetes-patch-strategy" in p:
                words.append("M=" + p["x-kubernetes-patch-strategy"] + ":" + p.get("x-kubernetes-patch-merge-key", ""))
            if "default" in p and p["default"] != {}:
                words.append("D=" + json.dumps(p["default"], separators=(",", ":")))
            lines.append(" " + " ".join(words))
    return "\n".join(lines) + "\n"


def dump(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def references(value):
    """The names of the schemas that a piece of a document refers to."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rsplit("/", 1)[1]
        value = list(value.values())
    for part in value if isinstance(value, list) else []:
        yield from references(part)


def pieces(document):
    """(lines of the document, lines of its schemas): each a section, a key, and JSON. Paths that are not served are left out."""
    paths = {p: v for p, v in document["paths"].items() if not UNSERVED & set(p.split("/"))}
    schemas, needed, todo = document["components"]["schemas"], set(), list(references(paths))
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo.extend(references(schemas[name]))
    components = {k: v for k, v in document["components"].items() if k != "schemas"}
    rest = dict({k: v for k, v in document.items() if k != "paths"}, components=components)
    lines = [("rest", "", dump(rest)), ("schemas", "", ",".join(sorted(needed)))]
    lines += [("path", p + " " + m, dump(o)) for p, methods in paths.items() for m, o in methods.items()]
    return lines, [("schema", name, dump(schemas[name])) for name in needed]


def share(path, release, lines):
    """Puts a release's lines beside those of the others: what is equal is there once, what is alike is near."""
    releases = {}
    if os.path.exists(path):
        with gzip.open(path, "rt") as handle:
            for line in handle.read().splitlines():
                section, key, of, body = line.split("\t", 3)
                releases[section, key, body] = set(of.split(",")) - {release}
    for line in lines:
        releases.setdefault(line, set()).add(release)
    kept = sorted((section, key, ",".join(sorted(of)), body) for (section, key, body), of in releases.items() if of)
    write(path, "".join("\t".join(line) + "\n" for line in kept).encode())


def columns(args):
    """{group/resource: column definitions} of every served resource."""
    found = {}
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    for group in GROUPS:
        for resource in fetch(args, "/" + group)["resources"]:
            name = resource["name"]
            if "list" in resource["verbs"] and name not in UNSERVED:
                key = ("" if group == "api/v1" else group.split("/")[1]) + "/" + name
                found[key] = fetch(args, f"/{group}/{name}", accept)["columnDefinitions"]
    return found


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as handle:
        handle.write(gzip.compress(data, 9, mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("server", "token", "api", "machinery", "release"):
        parser.add_argument("--" + option, required=True)
    args = parser.parse_args()
    assets = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "assets")
    documents = {group: fetch(args, "/openapi/v3/" + group) for group in GROUPS}
    write(f"{assets}/schema-{args.release}.txt.gz", table(args, documents).encode())
    write(f"{assets}/columns-{args.release}.json.gz", json.dumps(columns(args), sort_keys=True).encode())
    parts = {group: pieces(document) for group, document in documents.items()}
    names = [name for _, name, _ in {line for _, used in parts.values() for line in used}]
    own = {name for name in names if names.count(name) > 1}
    for group, (lines, used) in parts.items():
        lines += [line for line in used if line[1] in own]
        share(f"{assets}/openapi/{group.replace('/', '_')}.gz", args.release, lines)
    shared = {line for _, used in parts.values() for line in used if line[1] not in own}
    share(f"{assets}/openapi/schemas.gz", args.release, shared)


main()
