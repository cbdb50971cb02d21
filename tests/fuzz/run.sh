#!/usr/bin/env bash
# Asks each target whatever nobody thought of, for a minute each: `bash tests/fuzz/run.sh [TARGET…]`. SECONDS_EACH says
# how long. Needs cargo-fuzz and a C++ compiler, and nothing but stable Rust. A finding ends it: the input is in
# target/fuzz/artifacts, and `bash tests/fuzz/run.sh TARGET INPUT` asks it again. What was found on the way is kept in
# target/fuzz/corpus; what is worth keeping for everybody belongs into tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${SECONDS_EACH:-60}
built=$(realpath -m "${CARGO_TARGET_DIR:-target}/fuzz")
every=(params scope redirect_uri seed authorize token control)

# The versions that the program is built with.
cp Cargo.lock tests/fuzz/Cargo.lock

# No sanitizer: there is no unsafe code here to be watched, and so the stable compiler will do.
fuzz() {
    local target=$1
    shift
    cargo fuzz run --fuzz-dir tests/fuzz --target-dir "$built" --sanitizer none --codegen-units 16 \
        "$target" "$@"
}

if [ $# -eq 2 ] && [ -f "$2" ]; then
    fuzz "$1" "$2"
    exit
fi
for target in "${@:-${every[@]}}"; do
    mkdir -p "$built/corpus/$target" "$built/artifacts/$target"
    printf '\n== %s, %d s\n' "$target" "$seconds"
    fuzz "$target" "$built/corpus/$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -dict=tests/fuzz/words.dict \
        -artifact_prefix="$built/artifacts/$target/" -print_final_stats=1 >"$built/$target.log" 2>&1 || {
        tail -n 60 "$built/$target.log" >&2
        printf 'FAILED: %s; the input is in %s\n' "$target" "$built/artifacts/$target" >&2
        exit 1
    }
    awk '/stat::number_of_executed_units/ { runs = $2 } / cov: / { coverage = $4; inputs = $8 }
        END { printf "%d executions, %d edges, %s in the corpus\n", runs, coverage, inputs }' "$built/$target.log"
done
