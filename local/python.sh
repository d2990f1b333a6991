#!/bin/sh
# Prints the path of the interpreter that $1 names, or says why it cannot be used. POSIX sh: nothing is installed yet.
# A pyenv shim is there for every version that pyenv has, but runs only the selected ones: then pyenv is asked for the path.

wanted=$1
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

found=$(command -v "$wanted" 2>/dev/null)
if ! "$found" -c '' >/dev/null 2>&1; then
    found=
    if command -v pyenv >/dev/null 2>&1; then
        for version in $(pyenv versions --bare 2>/dev/null | grep "^${wanted#python}\." | sort -t. -k3,3nr); do
            found=$(PYENV_VERSION=$version pyenv which "$wanted" 2>/dev/null) && break
        done
    fi
fi

if [ -z "$found" ]; then
    echo "MarketFlow needs Python 3.11, 3.12 or 3.13, and '$wanted' does not run on this machine." >&2
    echo "Install one, or name one that is installed: make ${2:-run} PYTHON=python3.13" >&2
    exit 1
fi
if ! "$found" -c "$supported"; then
    version=$("$found" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    echo "MarketFlow needs Python 3.11, 3.12 or 3.13, and '$wanted' is Python $version ($found)." >&2
    echo "Name another one that is installed: make ${2:-run} PYTHON=python3.13" >&2
    exit 1
fi
echo "$found"
