"""python -m pipeline.grading"""

from pipeline.grading.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
