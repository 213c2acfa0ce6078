#!/bin/sh
# Prints the first Python that Tocsin runs on; without one, any Python 3, whose preflight then says what is missing.
for candidate in python3.11 python3.12 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
command -v python3 || echo python3
