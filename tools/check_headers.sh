#!/bin/sh
# Checks that every header of src/ compiles alone, and that every source file
# includes its own header first: what a header forgets shows at once.
#
#   tools/check_headers.sh BUILD_FOLDER      (which has config.h)
set -u

cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
cc=${CC:-cc}
flags="-std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -Isrc -I$build
    -include src/util/banned.h
    $(pkg-config --cflags jansson libuv yaml-0.1 expat 2>/dev/null)"
bad=0

for header in src/*/*.h; do
    # As a file that includes it, since a header that is compiled itself
    # complains of what is only declared in it.
    # shellcheck disable=SC2086 # the flags are words of their own
    if ! printf '#include "%s"\n' "${header#src/}" | $cc $flags -x c -; then
        echo "$header: does not compile alone"
        bad=1
    fi
done
for source in src/*/*.c; do
    own=${source#src/}
    own=${own%.c}.h
    [ -f "src/$own" ] || continue
    first=$(sed -n 's/^#include //p' "$source" | head -n 1)
    if [ "$first" != "\"$own\"" ]; then
        echo "$source: includes $first before \"$own\""
        bad=1
    fi
done
exit $bad
