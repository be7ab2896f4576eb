"""`python -m pipeline.corpus`: the corpus tools on files of your own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="dsm-corpus", description="Mine a mathematical corpus from web pages.")
    commands = top.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="turn a folder of HTML into a WARC file")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--out", type=Path, required=True, help="the WARC to write (.warc.gz)")
    pack.add_argument(
        "--urls", type=Path, help="JSONL with file and url (default: urls.jsonl or MANIFEST.md in the folder)"
    )
    return top


def pack(args: argparse.Namespace) -> None:
    from pipeline.corpus.pack import pack as pack_folder

    print(f"{args.out}: {pack_folder(args.folder, args.out, args.urls)} pages")


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        {"pack": pack}[args.command](args)
    except UserError as error:
        print(f"dsm-corpus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
