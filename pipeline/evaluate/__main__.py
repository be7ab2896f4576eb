"""python -m pipeline.evaluate"""

from pipeline.cli.evaluate import main

if __name__ == "__main__":
    raise SystemExit(main())
