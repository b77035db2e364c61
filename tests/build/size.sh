#!/bin/sh
# size.sh ROOT: the kernel stays small.
exec "$1/bench/size" --check
