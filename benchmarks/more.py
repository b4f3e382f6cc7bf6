# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""More services than the platform's two: service-a's own objects, as role rust_services made them, under other names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATTERN = "service-a"
LABELS = {"app.kubernetes.io/part-of": "more-services"}
# Name of a set -> how many services, and how many pods each of them has. Without pods it is the cost of telling Kubernetes and the mesh.
# A node takes 110 pods, the platform's own among them: a hundred with pods would need a second machine.
SETS = {"1": (1, 0), "10": (10, 0), "100": (100, 0), "1-running": (1, 1), "10-running": (10, 1)}


def service(manifests: list[dict[str, Any]], name: str, replicas: int) -> list[dict[str, Any]]:
    own = [item for item in manifests if (item["metadata"].get("labels") or {}).get("app") == PATTERN]
    made: list[dict[str, Any]] = json.loads(json.dumps(own).replace(f'"{PATTERN}"', f'"{name}"').replace(f'"{PATTERN}.', f'"{name}.'))
    for item in made:
        item["metadata"]["labels"].update(LABELS)
        if item["kind"] == "Deployment":
            item["spec"]["replicas"] = replicas
    return made


def write(manifests: list[dict[str, Any]], folder: Path) -> None:
    """For each set a file with all of it, and a folder with a file for each service."""
    for title, (count, replicas) in SETS.items():
        own = folder / title
        own.mkdir(parents=True)
        items = []
        for number in range(1, count + 1):
            name = f"more-{number:03d}"
            made = service(manifests, name, replicas)
            items += made
            (own / f"{name}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": made}), encoding="utf-8")
        (folder / f"{title}.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
