# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write tests/sanity/ignore-*.txt, one for each ansible-core: all that ansible-test is asked to overlook, and why. Run it when a module is new."""

from __future__ import annotations

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CORES = ("2.18", "2.19", "2.20", "2.21", "2.22")
# The file, the test, and the reason.
EXCEPTIONS = (
    ("plugins/action/module.py", "action-plugin-docs", "runs every module, and is none itself"),
    ("offline/images/node/import-images", "shebang", "runs inside the node's image, whose bash is there"),
    ("roles/kind_cluster/files/meshgate-runc", "shebang", "a runtime of Docker: an isolated Python starts it, whatever the user's environment says"),
)
# What validate-modules reads, and wants to be under the GPL as Ansible's own modules are.
LICENSED = ("callback", "lookup", "modules")
LICENCE = ("validate-modules:missing-gplv3-license", "Apache License 2.0")


def lines() -> list[str]:
    licensed = sorted(path.relative_to(REPO).as_posix() for kind in LICENSED for path in (REPO / "plugins" / kind).glob("*.py"))
    entries = [*EXCEPTIONS, *((file, *LICENCE) for file in licensed)]
    return [f"{file} {test}  # {why}" for file, test, why in entries]


if __name__ == "__main__":
    for core in CORES:
        (REPO / "tests/sanity" / f"ignore-{core}.txt").write_text("\n".join(lines()) + "\n", encoding="utf-8")
