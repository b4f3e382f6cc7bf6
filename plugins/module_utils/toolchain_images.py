# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Container images: built, saved, loaded and looked for with the docker client."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import uuid

from ansible_collections.meshgate.eks_istio.plugins.module_utils.certain import certain
from ansible_collections.meshgate.eks_istio.plugins.module_utils.docker import find_program
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain_command import ToolchainError, run, succeeds

LABEL = "meshgate.io/component"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Images:
    def __init__(self) -> None:
        self.docker = find_program("docker") or "docker"
        self._present: set[str] = set()

    def answers(self) -> bool:
        return succeeds([self.docker, "version", "--format", "{{.Server.Version}}"])

    def look(self, names: list[str]) -> None:
        """Learn with one call which of the names Docker has. No Docker: none."""
        if not names:
            return
        try:
            listed = run([self.docker, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], "listing images")
        except (ToolchainError, OSError):
            return
        self._present |= set(listed.split()).intersection(names)

    def has(self, name: str) -> bool:
        return name in self._present

    def have(self, name: str, archive: str) -> bool:
        """Load an image that Docker lost. Returns whether that was needed."""
        if self.has(name) or succeeds([self.docker, "image", "inspect", name]):
            self._present.add(name)
            return False
        if not os.path.isfile(archive):
            raise ToolchainError(f"Docker has no image {name} and there is no archive of it: {archive}")
        run([self.docker, "image", "load", "--quiet", "--input", archive], f"loading {name}")
        self._present.add(name)
        return True

    def build(self, name: str, component: str, context: str, arguments: dict[str, str], log: str) -> None:
        command = [self.docker, "build", "--quiet", "--tag", name, "--label", f"{LABEL}={component}"]
        # The host's network, for a machine whose proxy or name server answers on the host only.
        command += ["--network", "host"]
        for key, value in {**{proxy: os.environ[proxy] for proxy in PROXIES if proxy in os.environ}, **arguments}.items():
            command += ["--build-arg", f"{key}={value}"]
        # The classic builder sees local base images whichever builder the client came with.
        run([*command, context], f"building image {name}", log, env={"DOCKER_BUILDKIT": "0"})
        self._present.add(name)

    def prune(self) -> None:
        """Drop what builds of ours left without a name."""
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
        """Take a name away; the layers stay as long as another image uses them."""
        succeeds([self.docker, "image", "rm", name])
        self._present.discard(name)

    def import_into_node(self, plain: str, name: str, archives: dict[str, tuple[str, str]], component: str, log: str) -> None:
        """Put images into a node image's containerd, as kind's own build does: run it, import, commit.

        `archives` gives the name inside each archive and the one that it gets, or an empty one to keep it.
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
        """Drop earlier builds of an image, except what a container still uses."""
        listed = run([self.docker, "image", "ls", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}", repository], "listing images")
        for name in listed.split():
            if name != current and "<none>" not in name:
                self.forget(name)

    def ours(self) -> list[str]:
        """Every image that a build of ours left in Docker."""
        listed = run([self.docker, "image", "ls", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}"], "listing images")
        return sorted(name for name in listed.split() if "<none>" not in name)

    def remove(self, names: list[str]) -> None:
        run([self.docker, "image", "rm", "--force", *names], "removing images")
        self.prune()


def set_architecture(archive: str, architecture: str) -> None:
    """Say in an image's archive for which architecture it is.

    The classic builder cannot: it takes an image without a base for one of its own architecture.
    """
    changed = archive + ".new"
    with tarfile.open(archive) as old, tarfile.open(changed, "w") as new:

        def read(name: str) -> bytes:
            return certain(old.extractfile(name)).read()

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
