#!/bin/sh
# size.sh ROOT: the kernel does not grow, functions stay short.
exec "$1/bench/size" --check
