"""python -m pipeline.grading"""

from pipeline.cli.grade import main

if __name__ == "__main__":
    raise SystemExit(main())
