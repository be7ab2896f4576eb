"""python -m pipeline.cli COMMAND ...   the same as `dsm COMMAND ...`"""

from pipeline.cli.dsm import main

if __name__ == "__main__":
    raise SystemExit(main())
