# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Write docs/roles and docs/modules from what roles and modules say of themselves: argument_specs.yml, and `ansible-doc`.

`make docs` runs it. With --check nothing is written, and the exit code says whether a page is not what it would be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
COLLECTION = "meshgate.eks_istio"
NOTE = "<!-- Written by docs/generate.py from what the {kind} says of itself; `make docs` writes it anew. -->"
AWS_MARK = "debug_botocore_endpoint_logs"  # who has it has them all
# What every module that talks to AWS takes from amazon.aws: said once a page, not explained again in each.
AWS_OPTIONS = ("access_key", "secret_key", "session_token", "profile", "region", "endpoint_url", "aws_ca_bundle", "aws_config", "validate_certs", AWS_MARK)
AWS_FRAGMENT = "https://docs.ansible.com/ansible/latest/collections/amazon/aws/docsite/aws_ec2_guide.html"
MARKUP = re.compile(r"\b(?P<kind>[A-Z]{1,3})\((?P<text>(?:[^()\\]|\\.)*)\)")


def markdown(text: Any, links: str = "") -> str:
    """Ansible's markup as Markdown. `links` leads to the modules' pages."""

    def one(match: re.Match[str]) -> str:
        kind, said = match["kind"], match["text"].replace("\\", "")
        if kind == "M" and said.startswith(f"{COLLECTION}."):
            name = said.removeprefix(f"{COLLECTION}.")
            return f"[{name}]({links}{name}.md)"
        if kind == "L":
            words, _unused, target = said.rpartition(",")
            return f"[{words.strip()}]({target.strip()})"
        if kind == "U":
            return f"<{said}>"
        if kind in ("B", "I"):
            return f"**{said}**" if kind == "B" else f"*{said}*"
        return f"`{said}`" if kind in ("C", "V", "O", "RV", "E", "P", "M") else match[0]

    return MARKUP.sub(one, str(text).strip())


def lines(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def shown(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{' '.join(text.split())}`"


def kind_of(option: dict[str, Any]) -> str:
    said = option.get("type", "str")
    return f"{said} of {option['elements']}" if option.get("elements") else said


def option_rows(options: dict[str, Any], links: str, prefix: str = "") -> list[str]:
    rows = []
    for name, option in sorted(options.items(), key=lambda item: not item[1].get("required")) if not prefix else options.items():
        said = " ".join(markdown(line, links) for line in lines(option.get("description")))
        if option.get("choices"):
            said += " One of " + ", ".join(shown(str(choice)) for choice in option["choices"]) + "."
        if option.get("aliases"):
            said += " Also " + ", ".join(f"`{alias}`" for alias in option["aliases"]) + "."
        given = "required" if option.get("required") else shown(option["default"]) if option.get("default") is not None else ""
        rows.append(f"| `{prefix}{name}` | {kind_of(option)} | {cell(given)} | {cell(said)} |")
        rows += option_rows(option.get("options") or option.get("suboptions") or {}, links, f"{prefix}{name}.")
    return rows


def option_table(options: dict[str, Any], links: str = "", what: str = "option") -> list[str]:
    return [f"| {what} | type | default | |", "|---|---|---|---|", *option_rows(options, links), ""] if options else ["None.", ""]


def role_page(role: Path) -> str:
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    # A default that a template decides is no value of its type, so that the specification cannot say it.
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text(encoding="utf-8")) or {}
    decided = {name: {"default": value} for name, value in defaults.items() if "{{" in str(value)}
    page = [f"# Role {role.name}", "", NOTE.format(kind="role"), "", f"[What it does, its facts, an example](../../roles/{role.name}/README.md).", ""]
    for name, spec in specs.items():
        page += [f"## {'Variables' if name == 'main' else f'Entry point {name}'}", ""]
        page += [markdown(line, "../modules/") for line in lines(spec.get("description") or spec.get("short_description"))] + [""]
        options = {name: {**decided.get(name, {}), **option} for name, option in (spec.get("options") or {}).items()}
        page += option_table(options, "../modules/", "variable")
    return "\n".join(page).rstrip() + "\n"


def module_page(name: str, documentation: dict[str, Any]) -> str:
    doc = documentation["doc"]
    page = [f"# {COLLECTION}.{name}", "", NOTE.format(kind="module"), "", f"**{markdown(doc['short_description'])}**", ""]
    page += [f"- {markdown(line)}" for line in lines(doc.get("description"))] + [""]
    options = doc.get("options") or {}
    aws = [key for key in AWS_OPTIONS if key in options] if AWS_MARK in options else []
    page += ["## Options", "", *option_table({key: option for key, option in options.items() if key not in aws})]
    if aws:
        listed = ", ".join(f"`{key}`" for key in aws)
        page += [f"And how to reach AWS, as [every module of amazon.aws]({AWS_FRAGMENT}): {listed}.", ""]
    if doc.get("attributes"):
        page += ["## Attributes", "", "| attribute | support | |", "|---|---|---|"]
        page += [
            f"| `{key}` | {one.get('support', '')} | {cell(markdown(' '.join(lines(one.get('description')))))} |" for key, one in doc["attributes"].items()
        ]
        page.append("")
    notes = own(name).get("notes") or []
    if notes:
        page += ["## Notes", "", *[f"- {markdown(line)}" for line in notes], ""]
    page += ["## Examples", "", "```yaml", (documentation.get("examples") or "").strip(), "```", ""]
    page += ["## Returns", "", *return_table(documentation.get("return") or {})]
    return "\n".join(page).rstrip() + "\n"


def return_table(returned: dict[str, Any]) -> list[str]:
    def rows(values: dict[str, Any], prefix: str = "") -> list[str]:
        found = []
        for name, value in values.items():
            said = " ".join(markdown(line) for line in lines(value.get("description")))
            found.append(f"| `{prefix}{name}` | {kind_of(value)} | {cell(markdown(value.get('returned', '')))} | {cell(said)} |")
            found += rows(value.get("contains") or {}, f"{prefix}{name}.")
        return found

    return ["| value | type | returned | |", "|---|---|---|---|", *rows(returned), ""] if returned else ["Nothing but what every module returns.", ""]


def own(name: str) -> dict[str, Any]:
    """What a module itself says, without what it takes from amazon.aws."""
    source = (REPOSITORY / "plugins/modules" / f"{name}.py").read_text(encoding="utf-8")
    return yaml.safe_load(source.partition('DOCUMENTATION = r"""')[2].partition('"""')[0])


def modules() -> dict[str, Any]:
    names = sorted(path.stem for path in (REPOSITORY / "plugins/modules").glob("*.py") if path.stem != "__init__")
    argv = [str(Path(sys.executable).with_name("ansible-doc")), "--type", "module", "--json", *[f"{COLLECTION}.{name}" for name in names]]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return {name: said[f"{COLLECTION}.{name}"] for name in names}


def index(title: str, intro: str, entries: list[tuple[str, str]], kind: str) -> str:
    table = [f"| [{name}]({name}.md) | {cell(said)} |" for name, said in entries]
    return "\n".join([f"# {title}", "", NOTE.format(kind=kind), "", intro, "", f"| {kind} | |", "|---|---|", *table]) + "\n"


def pages() -> dict[Path, str]:
    found: dict[Path, str] = {}
    entries = []
    for role in sorted(path for path in (REPOSITORY / "roles").iterdir() if (path / "meta/argument_specs.yml").is_file()):
        found[DOCS / "roles" / f"{role.name}.md"] = role_page(role)
        spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]["main"]
        entries.append((role.name, markdown(spec["short_description"], "../modules/")))
    intro = "Every variable of every role, as `ansible-doc --type role` shows them. What a role does is in its README."
    found[DOCS / "roles/README.md"] = index("Roles", intro, entries, "role")
    entries = []
    for name, documentation in modules().items():
        found[DOCS / "modules" / f"{name}.md"] = module_page(name, documentation)
        entries.append((name, markdown(documentation["doc"]["short_description"])))
    intro = "Every module, as `ansible-doc` shows it. Their examples are run by tests."
    found[DOCS / "modules/README.md"] = index("Modules", intro, entries, "module")
    return found


def main() -> int:
    wanted = pages()
    there = {path for folder in ("roles", "modules") for path in (DOCS / folder).glob("*.md")}
    wrong = [path for path, text in wanted.items() if path not in there or path.read_text(encoding="utf-8") != text]
    gone = sorted(there - set(wanted))
    if "--check" in sys.argv[1:]:
        for path in [*wrong, *gone]:
            print(f"{path.relative_to(REPOSITORY)} is not what `make docs` writes")
        return 1 if wrong or gone else 0
    for path in wrong:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in gone:
        path.unlink()
    print(f"{len(wrong)} of {len(wanted)} pages written, {len(gone)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
