"""`python -m sim` does what `sim` does."""

from sim.cli import main

raise SystemExit(main())
