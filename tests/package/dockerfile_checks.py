# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What hadolint would say of our Dockerfiles. It is distributed in ways that package registries do not have; its rules' numbers stand with each check."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


@dataclass
class Stage:
    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        return [rest for step, rest in self.steps if step == word]


def parse(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The arguments before the first FROM, and the stages."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        word, _space, rest = line.partition(" ")
        word, rest = word.upper(), rest.strip()
        if word == "FROM":
            base, _as, name = re.fullmatch(r"(?:--platform=\S+ +)?(\S+)(?: +([Aa][Ss]) +(\S+))?", rest).groups()  # type: ignore[union-attr]
            stages.append(Stage(base, name or ""))
        elif stages:
            stages[-1].steps.append((word, rest))
        else:
            name, _equals, default = rest.partition("=")
            arguments[name] = default
    return arguments, stages


def problems(text: str, root_because: str = "") -> list[str]:
    """What is wrong with a Dockerfile. `root_because` says why its image may run as root."""
    arguments, stages = parse(text)
    found: list[str] = []
    known: set[str] = set()
    for stage in stages:
        found += _base(stage, known, arguments)
        found += [problem for step, rest in stage.steps for problem in _step(step, rest, known)]
        found += _once(stage)
        known.add(stage.name)
    if stages:
        found += _user(stages[-1], root_because)
    else:
        found.append("no FROM")
    return found


def _base(stage: Stage, known: set[str], arguments: dict[str, str]) -> list[str]:
    """A base is nothing, an earlier stage, the image that the catalog's key names, or a pinned one."""
    if stage.base == "scratch" or stage.base in known or (stage.base == "${BASE}" and arguments.get("BASE") in ("", "scratch")):
        return []
    if "@sha256:" in stage.base:
        return []
    tag = stage.base.rpartition("/")[2].partition(":")[2]
    return [f"DL3006/DL3007: FROM {stage.base} is not pinned"] if tag in ("", "latest") or tag.startswith("$") else []


def _step(word: str, rest: str, known: set[str]) -> list[str]:
    found = []
    if word == "MAINTAINER":
        found.append("DL4000: MAINTAINER is gone from Docker")
    if word == "ADD":
        source = rest.split()[0]
        if re.match(r"(https?|git|ftp)[:@]", source):
            found.append(f"DL3020: ADD fetches {source}, which nobody compares with a checksum")
        elif not re.search(r"\.tar(\.\w+)?$|\.tgz$", source):
            found.append(f"DL3020: ADD {source} unpacks nothing: COPY says so")
    if word in ("ENTRYPOINT", "CMD", "HEALTHCHECK") and not _is_list(rest):
        found.append(f"DL3025: {word} {rest} runs in a shell, which takes the signals that are meant for the program")
    if word == "WORKDIR" and not rest.startswith(("/", "$")):
        found.append(f"DL3000: WORKDIR {rest} is relative")
    if word == "EXPOSE" and not all(re.fullmatch(r"\d+(/(tcp|udp))?", port) and 0 < int(port.split("/")[0]) < 65536 for port in rest.split()):
        found.append(f"DL3011: EXPOSE {rest} is no port")
    if word in ("COPY", "ADD") and (other := re.search(r"--from=(\S+)", rest)) and other[1] not in known:
        found.append(f"DL3022: --from={other[1]} is no earlier stage")
    if word in ("ENV", "ARG") and re.search(r"(?i)(password|secret|token|credential|api_?key|private_?key)", rest):
        found.append(f"{word} {rest.split('=')[0]} stays readable in the image's history")
    if word == "RUN":
        found += _run(rest)
    return found


def _is_list(rest: str) -> bool:
    try:
        return isinstance(json.loads(rest), list)
    except ValueError:
        return rest == "NONE"


def _run(script: str) -> list[str]:
    found = []
    if re.search(r"\bsudo\b", script):
        found.append("DL3004: sudo in RUN")
    if re.search(r"(^|[;&|]\s*)cd ", script):
        found.append("DL3003: cd in RUN; WORKDIR is seen by who reads on")
    if re.search(r"\b(curl|wget)\b[^;&]*https?://", script):
        found.append("RUN fetches what nobody compares with a checksum")
    if re.search(r"(^|[;&|]\s*)apt ", script):
        found.append("DL3027: apt is for people; apt-get")
    if re.search(r"apt-get\s+(dist-)?upgrade", script):
        found.append("DL3005: apt-get upgrade makes another image of the same definition")
    if re.search(r"apt-get\s[^;&|]*\binstall\b", script):
        if not re.search(r"apt-get\s[^;&|]*(-y|--yes|-qqy|-qy)\b", script):
            found.append("DL3014: apt-get install without -y")
        if "--no-install-recommends" not in script:
            found.append("DL3015: apt-get install without --no-install-recommends")
        if not re.search(r"apt-get\s+update", script):
            found.append("DL3009: apt-get install from lists of another layer")
    if re.search(r"\bpip3?\s+install\b", script) and "--require-hashes" not in script:
        found.append("DL3013: pip install without hashes")
    if "|" in re.sub(r"\|\|", "", script) and "pipefail" not in script:
        found.append("DL4006: a pipe hides the failure of its left side")
    return found


def _once(stage: Stage) -> list[str]:
    return [f"DL4003/DL4004: {word} twice in one stage" for word in ("CMD", "ENTRYPOINT") if len(stage.of(word)) > 1]


def _user(last: Stage, root_because: str) -> list[str]:
    """The image's user: by number, since Kubernetes compares numbers (runAsNonRoot)."""
    user = (last.of("USER") or ["0"])[-1].split(":")[0]
    if user in ("0", "root"):
        return [] if root_because else ["DL3002: the image runs as root"]
    if root_because:
        return [f"it runs as {user}: the exception for root is not needed"]
    return [] if user.isdigit() else [f"USER {user} is a name; Kubernetes can only tell by a number that it is not root"]


def leaves_lists(text: str) -> list[str]:
    """DL3009 for what is shipped: package lists in a layer of the last stage."""
    _arguments, stages = parse(text)
    return ["DL3009: package lists stay in the image" for script in stages[-1].of("RUN") if "apt-get update" in script and "/var/lib/apt/lists" not in script]
