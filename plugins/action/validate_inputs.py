# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Checks variables of roles before anything is created."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import ansible.template
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs import roles
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.names import misspelt
from ansible_collections.meshgate.eks_istio.plugins.module_utils.preflight.inputs.shapes import misshapen

FOLDER = Path(__file__).parents[2] / "roles"
# Since ansible-core 2.19, Jinja evaluates text from a file only if its reader marks it as trusted.
TRUSTED = {"trusted_as_template": True} if hasattr(ansible.template, "trust_as_template") else {}


class Values(Mapping[str, Any]):
    """Variables as a role sees them, each evaluated on access: most of a role's defaults are templates, and no rule reads most of these.

    `said`: those that are not the role's own defaults.
    """

    def __init__(self, templar: Any, variables: Mapping[str, Any], names: Iterable[str], said: Iterable[str]) -> None:
        self.said = frozenset(said)
        self.known: dict[str, Any] = {}
        self.failed: dict[str, str] = {}
        self._templar, self._variables = templar, variables
        self._names = [name for name in names if name in variables]

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            if name not in self._names:
                raise KeyError(name)
            self.known[name] = self._evaluated(name)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _evaluated(self, name: str) -> Any:
        try:
            return self._templar.template(self._variables[name])
        except AnsibleError as error:
            self.failed[name] = str(error).splitlines()[0]
            return None


class ActionModule(ActionBase):
    """Reads variables as the roles would see them, whether or not the roles are in the play."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = {"roles": {"type": "list", "elements": "str", "required": True, "choices": list(roles.ROLES)}}
        _validation, asked = self.validate_argument_spec(argument_spec=arguments)
        given: dict[str, Values] = {}
        wrong: list[str] = []
        for role in asked["roles"]:
            given[role], messages = self._typed(role, task_vars or {})
            wrong += messages
        # A rule cannot handle a missing value, or one of another type.
        found = [] if wrong else roles.problems(given)
        problems = misspelt(task_vars or {}, _known(asked["roles"])) + (unevaluated(given.values()) + wrong or found)
        return {**result, "changed": False, "failed": bool(problems), "msg": "\n".join(problems) or "the variables are valid"}

    def _typed(self, role: str, task_vars: dict[str, Any]) -> tuple[Values, list[str]]:
        """The variables of a role, and which of those that are set violate the types and choices in the role's specification."""
        defaults = self._read(role, "defaults", "main")
        variables = {**defaults, **self._read(role, "vars", "main"), **task_vars}
        options = _options(role)
        said = [name for name in options if name in task_vars and not (name in defaults and task_vars[name] == defaults[name])]
        values = Values(self._templar.copy_with_new_env(available_variables=variables), variables, [*options, *roles.ROLES[role].reads], said)
        # Any value is a valid string.
        typed = {name: values[name] for name in said if options[name]["type"] != "str" or "choices" in options[name]}
        typed = {name: value for name, value in typed.items() if name not in values.failed}
        shapes = {name: list(misshapen(name, value, options[name])) for name, value in typed.items()}
        typed = {name: value for name, value in typed.items() if not shapes[name]}
        validated = ArgumentSpecValidator({name: options[name] for name in typed}).validate(typed)
        values.known.update(validated.validated_parameters)
        missing = [name for name, option in options.items() if option.get("required") and name not in variables]
        return values, [*(f"{name} is not set; accepted: {options[name]['type']}" for name in missing), *chain(*shapes.values()), *validated.error_messages]

    def _read(self, role: str, folder: str, name: str) -> dict[str, Any]:
        path = FOLDER / role / folder / f"{name}.yml"
        return self._loader.load_from_file(str(path), unsafe=True, **TRUSTED) or {} if path.is_file() else {}


@cache
def _options(role: str) -> dict[str, Any]:
    """A role's specification. It has no templates, so a loader four times as fast as Ansible's own is enough."""
    text = (FOLDER / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml_load(text)["argument_specs"]["main"]["options"]  # type: ignore[no-any-return]


def _known(asked: list[str]) -> Iterator[str]:
    """The variables of all roles for a playbook, which asks about several; for one role those of its neighbours, since the files take time to read."""
    for role in roles.ROLES:
        if len(asked) > 1 or role.partition("_")[0] == asked[0].partition("_")[0]:
            yield from _options(role)


def unevaluated(given: Iterable[Values]) -> list[str]:
    """Why variables have no value. Several can share one reason: an unset variable that they use."""
    names: dict[str, list[str]] = {}
    for values in given:
        for name, why in values.failed.items():
            names.setdefault(why, []).append(name)
    return [f"{', '.join(dict.fromkeys(failed))} cannot be evaluated: {why}" for why, failed in names.items()]
