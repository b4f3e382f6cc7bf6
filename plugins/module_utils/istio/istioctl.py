# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Running istioctl: the commands, their output as progress, versions."""

from __future__ import annotations

import json
import re
import typing as t
from contextlib import suppress
from dataclasses import dataclass, field

from ..common.command import Answer, Runner
from ..common.failure import Failure
from ..common.printable import printable
from ..common.progress import report
from ..common.safe_yaml import Loader

with suppress(ImportError):  # see safe_yaml
    import yaml

_WORDS = re.compile(r"[A-Za-z]{3}")  # its banner has none
# An API server that restarts or is short of processor time. istioctl gives each of its requests 15 s, and none a second try.
_NO_ANSWER = re.compile(r"Client\.Timeout exceeded|http2: client connection lost|TLS handshake timeout|connect: connection refused|unexpected EOF")


class IstioError(Failure):
    """Istioctl's error, or a state of the mesh that does not allow the request."""


@dataclass
class Istioctl:
    binary: str = "istioctl"
    kubeconfig: str = ""
    context: str = ""
    namespace: str = "istio-system"
    runner: Runner = field(default_factory=Runner)

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
            return str(json.loads(answer.stdout)["clientVersion"]["version"])
        except (ValueError, KeyError, TypeError) as error:
            raise IstioError(
                f"{self.binary} does not report its version: {answer.stderr.strip() or answer.stdout.strip() or 'no output'}",
                command=command,
                stdout=answer.stdout,
                stderr=answer.stderr,
            ) from error

    def render(self, files: list[str], force: bool = False) -> list[dict[str, t.Any]]:
        """What install would apply, before it adds its owner's labels."""
        command = self.command("manifest", "generate", "--cluster-specific", *_file_options(files), *(["--force"] if force else []))
        answer = self.runner(command, 120)
        if answer.rc:
            raise IstioError(f"istioctl rejects the specification: {last_error(answer)}", command=command, stdout="", stderr=answer.stderr)
        return parse(answer.stdout)

    def precheck(self) -> tuple[list[str], list[str]]:
        """Errors and warnings of `istioctl x precheck`."""
        command = self.command("x", "precheck", "--output=json")
        answer = self.runner(command, 120)
        found = parse_messages(answer.stdout)
        if found is None:
            raise IstioError(f"istioctl x precheck failed: {last_error(answer)}", command=command, stdout=answer.stdout, stderr=answer.stderr)
        return found

    def analyze(self, text: str = "", namespaces: t.Sequence[str] = ()) -> tuple[list[str], list[str]]:
        """Errors and warnings about what is live, as it would be with the manifests of `text`. Without namespaces, about all of them."""
        scopes = [f"--namespace={namespace}" for namespace in namespaces] or ["--all-namespaces"]
        found: tuple[list[str], list[str]] = ([], [])
        for scope in scopes:
            command = self.command("analyze", scope, "--output=json", *(["-"] if text else []))
            answer = self.runner(command, 120, stdin=text or None)
            messages = parse_messages(answer.stdout)
            if messages is None:
                raise IstioError(f"istioctl analyze failed: {last_error(answer)}", command=command, stdout=answer.stdout, stderr=answer.stderr)
            found = (found[0] + messages[0], found[1] + messages[1])
        return found

    def install(self, files: list[str], readiness_timeout: int, force: bool = False) -> tuple[list[str], Answer]:
        command = self.command(
            "install", "--skip-confirmation", *_file_options(files), f"--readiness-timeout={readiness_timeout}s", *(["--force"] if force else [])
        )
        answer = stream(command, self.runner)
        if answer.rc and _NO_ANSWER.search(answer.stderr + answer.stdout):
            report("the API server left a request of istioctl without an answer; running it once more")
            answer = stream(command, self.runner)
        return command, answer

    def uninstall(self, revision: str | None, force: bool = False, file: str = "") -> tuple[list[str], Answer]:
        """The objects of one revision that the IstioOperator in a file owns; or with None everything of Istio, CRDs included."""
        what = ["--purge"] if revision is None else [f"--revision={revision}", *_file_options([file] if file else [])]
        command = self.command("uninstall", "--skip-confirmation", *what, *(["--force"] if force else []))
        return command, stream(command, self.runner)

    def set_tag(self, tag: str, revision: str) -> tuple[list[str], Answer]:
        """Move a tag to another revision. istioctl also updates the injector that it replaces, and for `default` the validation."""
        command = self.command("tag", "set", tag, f"--revision={revision}", "--overwrite", "--skip-confirmation")
        return command, stream(command, self.runner)


def stream(command: list[str], runner: Runner) -> Answer:
    """Run a long command and report its lines as progress."""
    lines: list[str] = []

    def pass_on(raw: str) -> None:
        line = printable(raw).strip()
        if _WORDS.search(line) and (not lines or lines[-1] != line):
            lines.append(line)
            report(f"istioctl: {line}")

    answer = runner.stream(command, pass_on)
    at = next((index for index, line in enumerate(lines) if "Error:" in line), len(lines)) if answer.rc else len(lines)
    said = answer.stderr or "\n".join(lines[-1:])
    return Answer(answer.rc, "\n".join(lines[:at]), "\n".join(lines[at:]) or (said if answer.rc else ""))


def parse(text: str) -> list[dict[str, t.Any]]:
    return [document for document in yaml.load_all(text, Loader=Loader) if document]


def parse_messages(text: str) -> tuple[list[str], list[str]] | None:
    """istioctl's analysis messages as (errors, warnings); None if the text cannot be parsed."""
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
    """istioctl's errors begin with `Error:`, possibly after another word; otherwise its last line."""
    lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    errors = [line.partition("Error: ")[2] for line in lines if "Error: " in line]
    return (errors or lines or [f"it exited with {answer.rc}"])[-1]


def release(version: str) -> tuple[int, int, int] | None:
    """1.31.1 out of 1.31.1, v1.31.1, 1.31.1-distroless; None out of latest."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version or "")
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def skew_problem(before: str, after: str, force: bool) -> str:
    """Why an in-place change from one control plane version to another is refused; empty if it is not."""
    old, new = release(before), release(after)
    if force or not old or not new:
        return ""
    if new < old:
        return f"Istio {before} runs and istioctl is {after}: a downgrade, which requires `force`"
    if new[0] != old[0] or new[1] - old[1] > 1:
        return (
            f"Istio {before} runs and istioctl is {after}: in-place upgrades of Istio go one minor version at a time. "
            f"Upgrade through {old[0]}.{old[1] + 1}, install another `revision` beside it, or use `force`"
        )
    return ""


def _file_options(files: list[str]) -> list[str]:
    return [f"--filename={path}" for path in files]
