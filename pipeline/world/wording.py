"""Reading the words and sentences of the world from the folder `data` next to the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML without duplicate keys: the second rule of one name would silently hide the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def read_data(module_file: str, name: str) -> Any:
    """`data/<name>.yaml` next to the module with this `__file__`, with tuples for lists."""
    path = Path(module_file).parent / "data" / f"{name}.yaml"
    return _frozen(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value
