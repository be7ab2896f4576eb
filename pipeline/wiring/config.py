"""From Hydra's composed YAML to one frozen dataclass a stage.

Every stage module declares its own dataclass, derived from `StageConfig`, out of the dataclasses
that live beside the code they configure; so a stage depends on the settings it uses and on no
other. Hydra sees their default values (`register`), which makes every field overridable and an
unknown one an error; `build` checks names and types.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from pipeline.errors import UserError
from pipeline.wiring.code import ROOT
from pipeline.wiring.lines import nearest
from pipeline.wiring.plans import built

MISSING = "???"  # how OmegaConf spells a value that must be given
PRIMARY = {  # of a stage that has no conf/<stage>.yaml
    "defaults": [
        {"profile": "mini"},
        {"launcher": "local"},
        {"tracker": "none"},
        {"experiment": None},
    ]
}


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What every stage knows."""

    profile: str
    device: str = "cpu"  # "cpu" | "cuda"
    threads: int = 1  # of torch and BLAS on the CPU; sums in another order round differently


@dataclass(frozen=True, kw_only=True)
class ChainConfig(StageConfig):
    """What the stages of a chain know: every chain has a base model, a fine-tuned model, reward
    models and arms of its own.
    """

    chain: int = 0

    def own_seed(self, seed: int) -> int:
        """`seed` as this chain uses it, so that no two chains draw alike; chain 0 keeps it."""
        return 1000 * self.chain + seed


def defaults_of(kind: type) -> dict[str, Any]:
    """The default values of a configuration dataclass as plain nested data; `MISSING` where there
    is none.
    """
    hints = typing.get_type_hints(kind)
    found = {}
    for item in dataclasses.fields(kind):
        if item.default is not dataclasses.MISSING:
            value = item.default
        elif item.default_factory is not dataclasses.MISSING:
            value = item.default_factory()
            if isinstance(value, dict):
                value = None  # Hydra would join a profile's mapping to the default one
        elif dataclasses.is_dataclass(hints[item.name]):
            value = defaults_of(hints[item.name])
        else:
            value = MISSING
        found[item.name] = plain(value)
    return found


def plain(value: Any) -> Any:
    """Dataclasses, tuples and paths as dicts, lists and strings."""
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def register(stage: str, kind: type, profile: str = "") -> None:
    """Tell Hydra the fields and defaults of a stage (conf/<stage>.yaml starts with
    `schema/<stage>`), and the profile's plan, for `${built:arms}`, `${built_axis:chains}` and
    `${built_some:every_arm, rft, online_rft}` in YAML.

    A stage without settings of its own beyond a profile's (those of lab/) needs no
    conf/<stage>.yaml.
    """
    ConfigStore.instance().store(
        group="schema", name=stage, node=defaults_of(kind), package="_global_"
    )
    if not (ROOT / f"conf/{stage}.yaml").is_file():
        primary = {"defaults": [f"schema/{stage}", *PRIMARY["defaults"], "_self_"]}
        ConfigStore.instance().store(name=stage, node=primary)
    OmegaConf.register_new_resolver("built", lambda key: built(profile)[key], replace=True)
    OmegaConf.register_new_resolver(
        "built_axis", lambda key: ",".join(map(str, built(profile)[key])), replace=True
    )
    OmegaConf.register_new_resolver("built_some", partial(built_some, profile), replace=True)


def built_some(profile: str, key: str, *wanted: str) -> str:
    """Those of the wanted values of an axis that the profile's plan builds, as a sweep has them.

    Raises UserError when it builds none.
    """
    plan = built(profile)
    found = [value for value in map(str, plan[key]) if value in wanted]
    if not found:
        raise UserError(f"{plan['plan']}: builds none of {', '.join(wanted)}; name them in `{key}`")
    return ",".join(found)


def build(kind: type, value: Any, where: str = "") -> Any:
    """Make an instance of a frozen dataclass out of nested data.

    Raises UserError naming the key for an unknown key, a missing value, a wrong type or an
    impossible combination.
    """
    label = where or "the configuration"
    if not isinstance(value, dict):
        raise UserError(f"{label}: a mapping is needed, not {value!r}")
    hints = typing.get_type_hints(kind)
    items = {item.name: item for item in dataclasses.fields(kind)}
    for key in value:
        if key not in items:
            raise UserError(
                f"{join(where, key)}: unknown key{nearest(str(key), items)}; "
                f"known here: {', '.join(sorted(items))}"
            )
    given = {}
    for name, item in items.items():
        if name in value and not (
            value[name] is None and item.default_factory is not dataclasses.MISSING
        ):
            given[name] = convert(hints[name], value[name], join(where, name))
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise UserError(
                f"{join(where, name)}: has no value; give one in conf/ or on the command line"
            )
    try:
        return kind(**given)
    except ValueError as error:
        raise UserError(f"{label}: {error}") from None


def convert(hint: Any, value: Any, where: str) -> Any:
    """Check one value against its type hint; an int passes for a float, a list becomes a tuple."""
    if value == MISSING:
        raise UserError(f"{where}: has no value; give one in conf/ or on the command line")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(hint, value, where)
    if origin in (typing.Union, types.UnionType):
        return convert_union(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise UserError(f"{where}: {value!r} is not one of {', '.join(map(repr, arguments))}")
        return value
    if origin in (tuple, list) or hint in (tuple, list):
        return convert_items(origin or hint, arguments, value, where)
    if origin is dict or hint is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where}: a mapping is needed, not {value!r}")
        inner = arguments[1] if arguments else Any
        return {key: convert(inner, item, join(where, key)) for key, item in value.items()}
    return convert_scalar(hint, value, where)


def convert_union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in options:
        return None
    options = tuple(option for option in options if option is not type(None))
    for option in options:
        try:
            return convert(option, value, where)
        except UserError:
            if option is options[-1]:
                raise
    raise UserError(f"{where}: no type fits {value!r}")


def convert_items(origin: Any, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise UserError(f"{where}: a list is needed, not {value!r}")
    fixed = origin is tuple and arguments and arguments[-1] is not Ellipsis
    if fixed and len(value) != len(arguments):
        raise UserError(f"{where}: {len(arguments)} values are needed, not {len(value)}")
    inner = arguments if fixed else [arguments[0] if arguments else Any] * len(value)
    return origin(
        convert(kind, item, f"{where}[{i}]")
        for i, (kind, item) in enumerate(zip(inner, value, strict=True))
    )


def convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise UserError(f"{where}: {value!r} is not of type {getattr(hint, '__name__', hint)}")
    return value


def flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = join(above, key)
        found.update(flat(value, name) if isinstance(value, dict) and value else {name: value})
    return found


def join(where: str, key: Any) -> str:
    return f"{where}.{key}" if where else str(key)
