# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Running istioctl: the commands, their words as they come, versions."""

# There is no AnsibleModule at hand here, or output is read while it comes, or the environment is another one: run_command cannot do that.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.kube_access import Answer, run
from ansible_collections.meshgate.eks_istio.plugins.module_utils.progress import report
from ansible_collections.meshgate.eks_istio.plugins.module_utils.safe_yaml import Loader

with suppress(ImportError):  # as safe_yaml says
    import yaml

_WORDS = re.compile(r"[A-Za-z]{3}")  # its sail boat has none
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class IstioError(Exception):
    """What went wrong, for a person; `details` become the module's other return values."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details


@dataclass
class Istioctl:
    binary: str = "istioctl"
    kubeconfig: str = ""
    context: str = ""
    namespace: str = "istio-system"
    runner: t.Callable[..., Answer] = field(default=run)

    def command(self, *arguments: str) -> list[str]:
        options = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        if self.context:
            options.append(f"--context={self.context}")
        if self.namespace != "istio-system":
            options.append(f"--istioNamespace={self.namespace}")
        return [self.binary, *arguments, *options]

    def version(self) -> str:
        """The client's own version."""
        command = [self.binary, "version", "--remote=false", "-o", "json"]
        answer = self.runner(command, 30)
        try:
            return json.loads(answer.stdout)["clientVersion"]["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise IstioError(
                f"{self.binary} does not tell its version: {answer.stderr.strip() or answer.stdout.strip() or 'no output'}",
                command=command,
                stdout=answer.stdout,
                stderr=answer.stderr,
            ) from error

    def render(self, files: list[str], force: bool = False) -> list[dict[str, t.Any]]:
        """What install would apply, before it adds its owner's labels."""
        command = self.command("manifest", "generate", "--cluster-specific", *_file_options(files), *(["--force"] if force else []))
        answer = self.runner(command, 120)
        if answer.rc:
            raise IstioError(f"istioctl refuses the specification: {last_error(answer)}", command=command, stdout="", stderr=answer.stderr)
        return parse(answer.stdout)

    def precheck(self) -> tuple[list[str], list[str]]:
        """Errors and warnings of `istioctl x precheck`."""
        command = self.command("x", "precheck", "--output=json")
        answer = self.runner(command, 120)
        found = parse_messages(answer.stdout)
        if found is None:
            raise IstioError(f"istioctl x precheck failed: {last_error(answer)}", command=command, stdout=answer.stdout, stderr=answer.stderr)
        return found

    def install(self, files: list[str], readiness_timeout: int, force: bool = False) -> tuple[list[str], Answer]:
        command = self.command(
            "install", "--skip-confirmation", *_file_options(files), f"--readiness-timeout={readiness_timeout}s", *(["--force"] if force else [])
        )
        return command, stream(command)

    def uninstall(self, revision: str | None, force: bool = False) -> tuple[list[str], Answer]:
        """One revision, or with None everything of Istio, CRDs included."""
        what = ["--purge"] if revision is None else [f"--revision={revision}"]
        command = self.command("uninstall", "--skip-confirmation", *what, *(["--force"] if force else []))
        return command, stream(command)


def stream(command: list[str]) -> Answer:
    """Run a long command and pass its lines on as progress."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except OSError as error:
        return Answer(127, "", f"{command[0]}: {error.strerror}")
    lines: list[str] = []
    for raw in certain(process.stdout):
        line = _COLOUR.sub("", raw).strip()
        if _WORDS.search(line) and (not lines or lines[-1] != line):
            lines.append(line)
            report(f"istioctl: {line}")
    rc = process.wait()
    at = next((index for index, line in enumerate(lines) if "Error:" in line), len(lines)) if rc else len(lines)
    return Answer(rc, "\n".join(lines[:at]), "\n".join(lines[at:]) or ("\n".join(lines[-1:]) if rc else ""))


def parse(text: str) -> list[dict[str, t.Any]]:
    return [document for document in yaml.load_all(text, Loader=Loader) if document]


def parse_messages(text: str) -> tuple[list[str], list[str]] | None:
    """istioctl's analysis messages as (errors, warnings); None if the text is none."""
    start = text.find("[")
    if not text.strip():
        return [], []
    try:
        messages = json.loads(text[start:]) if start >= 0 else None
    except ValueError:
        messages = None
    if not isinstance(messages, list):
        return None
    errors, warnings = [], []
    for message in messages:
        line = f"{message.get('code')} ({message.get('origin', 'cluster')}): {message.get('message')}"
        level = message.get("level")
        if level == "Error":
            errors.append(line)
        elif level == "Warning":
            warnings.append(line)
    return errors, warnings


def last_error(answer: Answer) -> str:
    """istioctl's errors begin with `Error:`, perhaps after another word; without one, its last line."""
    lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    errors = [line.partition("Error: ")[2] for line in lines if "Error: " in line]
    return (errors or lines or [f"it ended with {answer.rc}"])[-1]


def release(version: str) -> tuple[int, int, int] | None:
    """1.31.1 out of 1.31.1, v1.31.1, 1.31.1-distroless; None out of latest."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version or "")
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def skew_problem(before: str, after: str, force: bool) -> str:
    """Why going from one control plane version to another in place is refused; empty if it is not."""
    old, new = release(before), release(after)
    if force or not old or not new:
        return ""
    if new < old:
        return f"Istio {before} runs and istioctl is {after}: a downgrade, which needs `force`"
    if new[0] != old[0] or new[1] - old[1] > 1:
        return (
            f"Istio {before} runs and istioctl is {after}: in place, Istio upgrades one minor version at a time. "
            f"Go through {old[0]}.{old[1] + 1}, install another `revision` beside it, or use `force`"
        )
    return ""


def _file_options(files: list[str]) -> list[str]:
    return [f"--filename={path}" for path in files]
