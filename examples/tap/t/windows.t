#!/bin/sh
# A program that has nothing to test here says so with an empty plan.
case $(uname -s) in
*NT*) echo 1..1 && echo "ok 1 - drives have letters" ;;
*) echo "1..0 # SKIP only for Windows" ;;
esac
