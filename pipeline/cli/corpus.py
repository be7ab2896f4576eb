"""`python -m pipeline.corpus` (dsm-corpus): the corpus tools on files of your own. `extract` and `mine` resume."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError

INPUT = "WARC or WET files, HTML files, or folders of them"
RULE = "let counting runs and lone commonplaces (under 13 words in a row of a longer text) pass; not in the paper"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="dsm-corpus", description="Mine a mathematical corpus from web pages."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    pack = commands.add_parser("pack", help="turn a folder of HTML into a WARC file")
    pack.add_argument("folder", type=Path)
    pack.add_argument(
        "--urls",
        type=Path,
        help="JSONL with file and url (default: urls.jsonl or MANIFEST.md in the folder)",
    )

    extract = commands.add_parser("extract", help="pages to text with LaTeX formulas, a row a page")
    extract.add_argument("inputs", type=Path, nargs="+", metavar="IN", help=INPUT)

    score = commands.add_parser("score", help="add the classifier's score to rows of `extract`")
    score.add_argument("rows", type=Path, metavar="IN.jsonl")
    score.add_argument("--model", type=Path, required=True, help="classifier.bin of `mine`")

    mine = commands.add_parser(
        "mine", help="the whole loop: classifier, ranking, domains, decontamination"
    )
    mine.add_argument("inputs", type=Path, nargs="+", metavar="IN", help=INPUT)
    mine.add_argument(
        "--seed-rows", type=Path, required=True, help="JSONL of seed pages with url and text"
    )
    mine.add_argument(
        "--benchmarks",
        type=Path,
        nargs="*",
        default=[],
        help="JSONL files to decontaminate against",
    )
    mine.add_argument(
        "--token-budget", type=int, default=0, help="keep the best pages up to so many tokens"
    )
    mine.add_argument(
        "--keep-fraction",
        type=float,
        default=0.2,
        help="without a budget: this share of all tokens",
    )
    mine.add_argument("--iterations", type=int, default=4)
    mine.add_argument(
        "--annotations", default="", help="YAML of URL prefixes as marked by a person"
    )
    mine.add_argument(
        "--bucket", type=int, default=200_000, help="fastText's buckets; 2000000 is a 2 GB model"
    )
    mine.add_argument("--epoch", type=int, default=3)
    mine.add_argument(
        "--least", type=int, default=0, help="repeat a small seed up to so many lines (say 6000)"
    )
    mine.add_argument("--information-rule", action="store_true", help=RULE)

    clean = commands.add_parser("decontaminate", help="remove benchmark text from rows with a text")
    clean.add_argument("rows", type=Path, metavar="IN.jsonl")
    clean.add_argument(
        "--benchmarks",
        type=Path,
        nargs="+",
        required=True,
        help="JSONL files of questions and answers",
    )
    clean.add_argument("--mode", choices=["segment", "page"], default="segment")
    clean.add_argument("--information-rule", action="store_true", help=RULE)

    inspect = commands.add_parser("inspect", help="why a page was kept or dropped")
    inspect.add_argument("url")
    inspect.add_argument(
        "--corpus", type=Path, default=Path("data/corpus"), help="the output folder of `mine`"
    )
    inspect.add_argument(
        "--seed-rows", type=Path, help="say too whether the page is in this seed file of `mine`"
    )

    for command in (pack, extract, score, mine, clean):
        command.add_argument(
            "--out", type=Path, required=True, help="a folder for `mine`, else a file"
        )
    for command in (extract, mine):
        command.add_argument(
            "--workers", type=int, default=1, help="processes; the result does not depend on it"
        )
        command.add_argument("--max-page-bytes", type=int, default=8_000_000)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    from pipeline.cli import corpus_commands as commands

    try:
        getattr(commands, args.command)(args)
    except UserError as error:
        print(f"dsm-corpus: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dsm-corpus: stopped; run it again (extract and mine resume)", file=sys.stderr)
        return 130
    except OSError as error:
        print(
            f"dsm-corpus: {error.filename or 'file system'}: {error.strerror}; mend that, then run it again",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
