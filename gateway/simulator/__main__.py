"""`python -m gateway.simulator` is `kilowise-gateway simulate`."""

import argparse
import sys

from gateway.simulator.command import add_arguments, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="kilowise-gateway simulate")
    add_arguments(parser)
    sys.exit(main(parser.parse_args()))
