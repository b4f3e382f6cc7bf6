# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Run site.yml and teardown.yml once from their beginning to their end, and write down the tasks that they executed: the points of tests/kills."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "platform")]

from chain import Runner  # noqa: E402
from story import RECORDED  # noqa: E402


def main() -> None:
    run = Runner("record")
    run("teardown")
    executed = {}
    for playbook in ("site", "teardown"):
        done = run(playbook)
        if done.code:
            sys.exit(f"{playbook}.yml failed with {done.code}; {done.end()}")
        twice = [point for point, count in Counter(done.executed).items() if count > 1]
        if twice:
            sys.exit(f"{playbook}.yml has tasks that cannot be told apart, since play, role and name are the same: {twice}")
        executed[playbook] = done.executed
        print(f"{playbook}.yml: {len(done.executed)} tasks")
    RECORDED.write_text(json.dumps(executed, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
