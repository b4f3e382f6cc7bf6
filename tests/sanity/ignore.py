# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write tests/sanity/ignore-*.txt, one for each ansible-core: all that ansible-test is asked to overlook, and why. Run it when a module is new."""

from __future__ import annotations

from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CORES = ("2.18", "2.19", "2.20", "2.21", "2.22")
# The file, the test, and the reason.
EXCEPTIONS = (
    ("offline/images/node/import-images", "shebang", "runs inside the node's image, whose bash is there"),
    ("roles/kind_cluster/files/meshgate-runc", "shebang", "a runtime of Docker: an isolated Python starts it, whatever the user's environment says"),
)
# Since core 2.20, pylint wants AnsibleModule.run_command, in module_utils, too. These have no module at hand, read long commands' output while they run,
# or give them an environment of their own.
RUNS_PROGRAMS = (
    "aws_preflight_offers",
    "docker",
    "docker_engine",
    "istioctl",
    "kind_cluster",
    "kube_access",
    "kube_api",
    "toolchain_command",
)
RUN_COMMAND = ("pylint:ansible-bad-function", "reads output while it comes, or has no AnsibleModule at hand")
WITH_RUN_COMMAND = ("2.20", "2.21", "2.22")
# What validate-modules reads, and wants to be under the GPL as Ansible's own modules are.
LICENSED = ("callback", "lookup", "modules")
LICENCE = ("validate-modules:missing-gplv3-license", "Apache License 2.0")


def lines(core: str) -> list[str]:
    licensed = sorted(path.relative_to(REPO).as_posix() for kind in LICENSED for path in (REPO / "plugins" / kind).glob("*.py"))
    programs = [f"plugins/module_utils/{name}.py" for name in RUNS_PROGRAMS] if core in WITH_RUN_COMMAND else []
    entries = [*EXCEPTIONS, *((file, *RUN_COMMAND) for file in programs), *((file, *LICENCE) for file in licensed)]
    return [f"{file} {test}  # {why}" for file, test, why in entries]


if __name__ == "__main__":
    for core in CORES:
        (REPO / "tests/sanity" / f"ignore-{core}.txt").write_text("\n".join(lines(core)) + "\n", encoding="utf-8")
