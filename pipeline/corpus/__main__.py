"""python -m pipeline.corpus"""

from pipeline.cli.corpus import main

if __name__ == "__main__":
    raise SystemExit(main())
