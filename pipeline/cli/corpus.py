"""`python -m pipeline.corpus` (and `dsm corpus`): the corpus tools on files of your own. `extract`
and `mine` resume.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError

INPUT = (
    "WARC, WET or ARC files, HTML files, JSONL or Parquet with a text or html per row, folders of all these, lists of "
    "files (.paths, .paths.gz), indexes of records (.cdx, .cdxj, or JSONL or Parquet with filename, offset and length); "
    "each a path or a URL (https://, s3://)"
)
BASE = "where the files lie that a list of paths or an index names"
RULE = "let counting runs and lone commonplaces (under 13 words in a row of a longer text) pass; a deviation from the paper"
NORMALISE = (
    "also compare with Chinese numerals as digits, traditional as simplified characters, and LaTeX as plain text; a "
    "deviation from the paper, whose own count is kept beside it"
)
ROWS = "JSONL, gzipped JSONL or Parquet"


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every option that has one and does not say so itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = action.default in (None, argparse.SUPPRESS, [], "", False) or action.required
        return (
            action.help if silent or not action.option_strings else super()._get_help_string(action)
        )


def parser(prog: str = "python -m pipeline.corpus") -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog=prog, description="Mine a mathematical corpus from web pages.", formatter_class=Help
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, formatter_class=Help)

    pack = command("pack", "turn a folder of HTML into a WARC file")
    pack.add_argument("folder", type=Path)
    pack.add_argument(
        "--urls",
        type=Path,
        help="JSONL with file and url (default: urls.jsonl or MANIFEST.md in the folder)",
    )

    extract = command("extract", "pages to text with LaTeX formulas, a row per page")
    score = command("score", "add the classifier's score to rows of `extract`")
    score.add_argument("rows", type=Path, metavar="ROWS", help=f"{ROWS} of `extract` or `mine`")
    score.add_argument("--model", type=Path, required=True, help="classifier.bin of `mine`")

    mine = command("mine", "the whole loop: classifier, ranking, domains, decontamination")
    for crawl in (extract, mine):
        crawl.add_argument("inputs", nargs="+", metavar="IN", help=INPUT)
    mining_options(mine)

    clean = command("decontaminate", "remove benchmark text from rows with a text")
    cleaning_options(clean)

    inspect = command("inspect", "why a page was kept or dropped")
    inspect.add_argument("url")
    inspect.add_argument(
        "--corpus", type=Path, default=Path("data/main/corpus"), help="the output folder of `mine`"
    )
    inspect.add_argument(
        "--seed-rows", type=Path, help="say too whether the page is in this seed file of `mine`"
    )
    for each in (pack, extract, score, mine, clean):
        out = (
            "a folder"
            if each is mine
            else "a file"
            if each is pack
            else f"a file: {ROWS}, by its name"
        )
        each.add_argument("--out", type=Path, required=True, help=out)
    for each in (extract, mine):
        crawl_options(each)
    return top


def cleaning_options(clean: argparse.ArgumentParser) -> None:
    add = clean.add_argument
    add("rows", type=Path, metavar="ROWS", help=f"{ROWS} with a text per row")
    add(
        "--benchmarks", type=Path, nargs="+", required=True, help=f"{ROWS} of questions and answers"
    )
    add(
        "--mode",
        choices=["segment", "page"],
        default="segment",
        help="drop the line or the page that holds a match",
    )
    add("--information-rule", action="store_true", help=RULE)
    add("--normalise", action="store_true", help=NORMALISE)


def mining_options(mine: argparse.ArgumentParser) -> None:
    add = mine.add_argument
    add("--seed-rows", type=Path, required=True, help=f"seed pages with url and text ({ROWS})")
    add(
        "--benchmarks", type=Path, nargs="*", default=[],
        help=f"{ROWS} to decontaminate against; without any, nothing is decontaminated",
    )  # fmt: skip
    add(
        "--token-budget",
        type=int,
        default=0,
        help="keep the best pages up to so many tokens; 0, the default: use --keep-fraction",
    )
    add(
        "--keep-fraction",
        type=float,
        default=0.2,
        help="without a budget, keep this share of all tokens",
    )
    add(
        "--iterations", type=int, default=4,
        help="how often at most to train, rank and find mathematical domains; fewer when 98%% of a collection is known",
    )  # fmt: skip
    add(
        "--annotations",
        default="",
        help="YAML of URL prefixes as a person marked them (prefixes-N.yaml of a run before)",
    )
    add(
        "--bucket",
        type=int,
        default=200_000,
        help="fastText's buckets of word n-grams; 2000000, the paper's, is a 2 GB model",
    )
    add("--epoch", type=int, default=3, help="passes of the classifier's training over its lines")
    add(
        "--least",
        type=int,
        default=0,
        help="repeat a small seed up to so many lines (6000 for some hundred pages; the default, 0, repeats none)",
    )
    add("--information-rule", action="store_true", help=RULE)
    add("--normalise", action="store_true", help=NORMALISE)


def crawl_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--workers", type=int, default=1, help="processes; the result does not depend on it")
    add("--base", default="https://data.commoncrawl.org/", help=BASE)
    add("--max-page-bytes", type=int, default=8_000_000, help="a larger page becomes a reject")
    add(
        "--max-page-seconds",
        type=float,
        default=60.0,
        help="of processor time; a slower page becomes a reject; 0: no limit",
    )


def main(argv: list[str] | None = None, prog: str = "") -> int:
    called = sys.argv[0] if sys.argv[0].startswith("dsm ") else "python -m pipeline.corpus"
    args = parser(prog or called).parse_args(argv)
    from pipeline.cli import corpus_commands as commands

    try:
        getattr(commands, args.command)(args)
    except UserError as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("corpus: stopped; run it again (extract and mine resume)", file=sys.stderr)
        return 130
    except OSError as error:
        print(
            f"corpus: {error.filename or 'file system'}: {error.strerror}; fix that, then run it again",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
