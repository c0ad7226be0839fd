#!/usr/bin/env python3
"""image.py OUT.tar NAME:TAG PATH FILE: an image archive, from scratch, of one static program."""
import hashlib
import io
import json
import os
import sys
import tarfile


def archive(entries):
    """A tar of (name, bytes or None for a directory, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, mode in entries:
            info = tarfile.TarInfo(name)
            info.mode = mode
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            tar.addfile(info, io.BytesIO(data or b""))
    return out.getvalue()


def main(out, name, path, program):
    inside = path.lstrip("/")
    parts = inside.split("/")[:-1]
    folders = ["/".join(parts[: n + 1]) for n in range(len(parts))] + ["tmp"]
    with open(program, "rb") as file:
        layer = archive([(f, None, 0o1777 if f == "tmp" else 0o755) for f in folders] + [(inside, file.read(), 0o755)])
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Entrypoint": ["/" + inside], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    with open(out, "wb") as file:
        file.write(archive([(n, data, 0o644) for n, data in files.items()]))


if __name__ == "__main__":
    main(*sys.argv[1:5])
