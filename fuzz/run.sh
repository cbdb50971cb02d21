#!/usr/bin/env bash
# Runs the fuzz targets: `bash fuzz/run.sh [TARGET…]`. Needs cargo-fuzz and a C++ compiler, and only stable Rust.
#
# By default each target starts from fuzz/corpus with a fixed seed and a fixed number of runs, so that a second run
# on the same source repeats the first: this is the step of .ci/run. RUNS sets the number of runs of every target.
#
# A long run with a random seed: `SECONDS_EACH=600 bash fuzz/run.sh [TARGET…]`. It stores what it discovers in
# target/fuzz/corpus and continues from there the next time. Copy inputs worth keeping to fuzz/corpus.
#
# A finding ends the script; its input is in target/fuzz/artifacts. `bash fuzz/run.sh TARGET INPUT` runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."

seed=1
built=$(realpath -m "${CARGO_TARGET_DIR:-target}/fuzz")
every=(params scope redirect_uri seed authorize token control)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The versions that the program is built with.
cp Cargo.lock fuzz/Cargo.lock

# No sanitizer: the crate has no unsafe code, so the stable compiler is enough.
fuzz() {
    local target=$1
    shift
    cargo fuzz run --fuzz-dir fuzz --target-dir "$built" --sanitizer none --codegen-units 16 \
        "$target" "$@"
}

# The fixed number of runs: fewer for the targets that call a whole server.
runs_of() {
    case $1 in
    authorize | token | control) printf '%s' "${RUNS:-3000}" ;;
    *) printf '%s' "${RUNS:-100000}" ;;
    esac
}

if [ $# -eq 2 ] && [ -f "$2" ]; then
    fuzz "$1" "$2"
    exit
fi
for target in "${@:-${every[@]}}"; do
    mkdir -p "$built/artifacts/$target"
    if [ -n "${SECONDS_EACH:-}" ]; then
        corpus=$built/corpus/$target
        limits=(-max_total_time="$SECONDS_EACH")
        printf '\n== %s, %d s, random seed\n' "$target" "$SECONDS_EACH"
    else
        # New inputs go to a folder that is removed: an earlier run does not influence this one.
        corpus=$work/$target
        limits=(-seed="$seed" -runs="$(runs_of "$target")")
        printf '\n== %s, %d runs, seed %d\n' "$target" "$(runs_of "$target")" "$seed"
    fi
    mkdir -p "$corpus"
    fuzz "$target" "$corpus" "fuzz/corpus/$target" -- \
        "${limits[@]}" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -dict=fuzz/words.dict \
        -artifact_prefix="$built/artifacts/$target/" -print_final_stats=1 >"$built/$target.log" 2>&1 || {
        tail -n 60 "$built/$target.log" >&2
        printf 'FAILED: %s; the input is in %s\n' "$target" "$built/artifacts/$target" >&2
        exit 1
    }
    awk '/stat::number_of_executed_units/ { runs = $2 } / cov: / { coverage = $4; inputs = $8 }
        END { printf "%d executions, %d edges, %s in the corpus\n", runs, coverage, inputs }' "$built/$target.log"
done
