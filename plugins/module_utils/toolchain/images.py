# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Container images: built, saved, loaded and searched with the docker client."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import uuid

from ..common.require import require
from ..docker.client import find_program
from .command import ToolchainError, run, succeeds

LABEL = "meshgate.io/component"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Images:
    def __init__(self) -> None:
        self.docker = find_program("docker") or "docker"
        self._present: set[str] = set()

    def answers(self) -> bool:
        return succeeds([self.docker, "version", "--format", "{{.Server.Version}}"])

    def look(self, names: list[str]) -> None:
        """Find out which of the names Docker has. Without Docker: none.

        Docker's own list has other names: it omits `docker.io/`, and the tag of images pulled by digest. So each is requested by its name.
        """
        if names and self._inspect(*names):
            self._present |= set(names)
        elif len(names) > 1:
            self._present |= {name for name in names if self._inspect(name)}

    def _inspect(self, *names: str) -> bool:
        return succeeds([self.docker, "image", "inspect", "--format", "{{.Id}}", *names])

    def has(self, name: str) -> bool:
        return name in self._present

    def have(self, name: str, archive: str) -> bool:
        """Load an image that Docker lost. Returns whether that was needed."""
        if self.has(name) or self._inspect(name):
            self._present.add(name)
            return False
        if not os.path.isfile(archive):
            raise ToolchainError(f"Docker has no image {name}, and its archive does not exist: {archive}")
        run([self.docker, "image", "load", "--quiet", "--input", archive], f"loading {name}")
        self._present.add(name)
        return True

    def build(self, name: str, component: str, context: str, arguments: dict[str, str], log: str) -> None:
        command = [self.docker, "build", "--quiet", "--tag", name, "--label", f"{LABEL}={component}"]
        # The host's network, for a machine whose proxy or name server answers only on the host.
        command += ["--network", "host"]
        # With only the name, docker takes the value from its environment: a proxy's password must not appear in the process list.
        for word in [*(proxy for proxy in PROXIES if proxy in os.environ), *(f"{key}={value}" for key, value in arguments.items())]:
            command += ["--build-arg", word]
        # The classic builder sees local base images, whatever the client's default builder.
        run([*command, context], f"building image {name}", log, env={"DOCKER_BUILDKIT": "0"})
        self._present.add(name)

    def prune(self) -> None:
        """Remove what our builds left without a name."""
        succeeds([self.docker, "image", "prune", "--force", "--filter", f"label={LABEL}"])

    def save(self, name: str, archive: str, log: str) -> None:
        run([self.docker, "image", "save", "--output", archive, name], f"saving {name}", log)
        os.chmod(archive, 0o644)

    def pull(self, name: str, log: str) -> None:
        run([self.docker, "pull", "--quiet", name], f"pulling {name}", log)
        self._present.add(name)

    def tag(self, name: str, new: str) -> None:
        run([self.docker, "image", "tag", name, new], f"naming {new}")
        self._present.add(new)

    def forget(self, name: str) -> None:
        """Remove a name; the layers stay as long as another image uses them."""
        succeeds([self.docker, "image", "rm", name])
        self._present.discard(name)

    def import_into_node(self, plain: str, name: str, archives: dict[str, tuple[str, str]], component: str, log: str) -> None:
        """Import images into a node image's containerd, as kind's own build does: run it, import, commit.

        `archives` has the name inside each archive and the new one, or an empty one to keep it.
        """
        container = f"meshgate-import-{uuid.uuid4().hex[:8]}"
        command = [self.docker, "run", "--name", container, "--label", f"{LABEL}={component}", "--entrypoint", "/bin/bash"]
        arguments = []
        for number, (archive, (old, new)) in enumerate(archives.items()):
            command += ["--volume", f"{archive}:/import/{number}.tar:ro"]
            arguments += [f"/import/{number}.tar", old, new or old]
        try:
            run([*command, plain, "/usr/local/bin/import-images", *arguments], f"importing images into {name}", log)
            entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
            run([self.docker, "commit", "--change", entrypoint, "--change", "CMD []", container, name], f"committing {name}", log)
        finally:
            succeeds([self.docker, "rm", "--force", "--volumes", container])
        self._present.add(name)

    def sweep(self) -> None:
        """Containers that a killed build left behind."""
        try:
            left = run(
                [self.docker, "ps", "--all", "--quiet", "--filter", f"label={LABEL}=node", "--filter", "name=meshgate-import-"], "looking for left containers"
            )
        except (ToolchainError, OSError):
            return
        if left.split():
            succeeds([self.docker, "rm", "--force", "--volumes", *left.split()])

    def forget_older(self, repository: str, current: str) -> None:
        """Remove earlier builds of an image, except those that a container still uses."""
        listed = run([self.docker, "image", "ls", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}", repository], "listing images")
        for name in listed.split():
            if name != current and "<none>" not in name:
                self.forget(name)

    def ours(self) -> list[str]:
        """Every image that our builds left in Docker."""
        listed = run([self.docker, "image", "ls", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}"], "listing images")
        return sorted(name for name in listed.split() if "<none>" not in name)

    def remove(self, names: list[str]) -> None:
        run([self.docker, "image", "rm", "--force", *names], "removing images")
        self.prune()


def set_architecture(archive: str, architecture: str) -> None:
    """Set the architecture in an image's archive.

    The classic builder cannot: for an image without a base it assumes its own architecture.
    """
    changed = archive + ".new"
    with tarfile.open(archive) as old, tarfile.open(changed, "w") as new:

        def read(name: str) -> bytes:
            return require(old.extractfile(name)).read()

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))

        (image,) = json.loads(read("manifest.json"))
        config = json.dumps({**json.loads(read(image["Config"])), "architecture": architecture}).encode()
        layers = [f"{hashlib.sha256(read(layer)).hexdigest()}.tar" for layer in image["Layers"]]
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        for layer, name in zip(image["Layers"], layers, strict=True):
            add(name, read(layer))
        add(config_name, config)
        add("manifest.json", json.dumps([{"Config": config_name, "RepoTags": image["RepoTags"], "Layers": layers}]).encode())
    os.replace(changed, archive)
