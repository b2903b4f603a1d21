"""`python -m lightweight_ssd` is `lssd`."""

from lightweight_ssd.cli import main

main()
