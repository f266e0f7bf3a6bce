"""python -m minirad: the command line."""

from minirad.cli import main

main()
