# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A result is in the cache as a whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.cache import UNUSED_DAYS, Cache

KEY = "0123456789abcdef0123"


@pytest.fixture
def cache(tmp_path):
    return Cache(str(tmp_path / "cache"))


def make(cache, name="thing", key=KEY):
    with cache.making(name, key) as folder:
        Path(folder, "file").write_text("content")


def test_a_result_appears_when_it_is_complete(cache):
    with cache.lock(), cache.making("thing", KEY) as folder:
        Path(folder, "file").write_text("content")
        assert not cache.has("thing", KEY)
    assert cache.has("thing", KEY)
    assert Path(cache.path("thing", KEY), "file").read_text() == "content"


def test_a_failure_leaves_nothing(cache):
    with cache.lock(), pytest.raises(RuntimeError), cache.making("thing", KEY):
        raise RuntimeError
    assert not cache.has("thing", KEY)
    assert os.listdir(cache.scratch) == []


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from ansible_collections.meshgate.eks_istio.plugins.module_utils.toolchain.cache import Cache
cache = Cache(sys.argv[1])
with cache.lock(), cache.making("thing", "0123456789abcdef0123") as folder:
    open(os.path.join(folder, "half"), "w").close()
    os.makedirs(cache.go_build_cache)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_no_half_result_and_the_next_run_sweeps(cache):
    collections = next(path for path in sys.path if Path(path, "ansible_collections/meshgate/eks_istio").is_dir())
    done = subprocess.run([sys.executable, "-c", KILLED, cache.root, collections], check=False)
    assert done.returncode == -9
    assert not cache.has("thing", KEY)
    with cache.lock():
        assert os.listdir(cache.scratch) == ["go-build"]  # what the compiler had done already is kept
        make(cache)
    assert cache.has("thing", KEY)


def test_the_second_run_waits_for_the_first(cache, monkeypatch):
    waited = []
    with cache.lock():

        def release(_seconds):
            waited.append(True)
            raise TimeoutError

        monkeypatch.setattr(time, "sleep", release)
        with pytest.raises(TimeoutError), Cache(cache.root).lock():
            pass
    assert waited


def test_a_run_that_waited_for_the_end_of_another_can_build(cache, monkeypatch):
    first = cache.lock()
    first.__enter__()

    def end_the_first(_seconds):
        cache.finish()
        first.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", end_the_first)
    second = Cache(cache.root)
    with second.lock():
        make(second)
    assert second.has("thing", KEY)


def test_the_end_of_a_build_drops_the_compilers_cache_and_old_results(cache):
    with cache.lock():
        make(cache)
        make(cache, key="f" * 20)
        os.makedirs(cache.go_build_cache)
        old = time.time() - (UNUSED_DAYS + 1) * 86400
        os.utime(cache.path("thing", KEY), (old, old))
        cache.finish()
    assert not cache.has("thing", KEY)
    assert cache.has("thing", "f" * 20)
    assert not os.path.exists(cache.go_build_cache)


def test_links_follow_the_run(cache):
    with cache.lock():
        make(cache)
    cache.link({"kubectl": "/old"})
    cache.link({"kubectl": "/new"})
    assert os.listdir(cache.bin) == ["kubectl"]
    assert os.readlink(os.path.join(cache.bin, "kubectl")) == "/new"
