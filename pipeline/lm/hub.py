"""Models by their name on the Hugging Face hub: downloaded once, read from its cache afterwards."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
# no pickled weights, no code, no second copy of the weights in another format
WANTED = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")


def local_folder(name: str | Path) -> Path:
    """The folder itself, or that of a model on the hub, downloaded when it is not there yet.

    Raises UserError when the hub cannot be reached or does not give the model.
    """
    folder = Path(name)
    if folder.exists() or not NAME.fullmatch(str(name)):
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(name), local_files_only=True))
    except LocalEntryNotFoundError:
        return _download(str(name))


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{name}: no such folder, and the hub does not give it ({reason}); where there is a "
            f"network run `dsm base {name}`, or give a folder"
        ) from None
