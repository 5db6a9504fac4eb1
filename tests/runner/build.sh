# shellcheck shell=bash
# Builds for tests: one folder a kind below build/, kept between runs.

# make_build FOLDER KIND COMPILER [TARGET…]: configures and builds build/FOLDER; says only what is wrong.
make_build() {
	local folder=$root/build/$1 kind=$2 compiler=$3 launcher=()
	shift 3
	printf 'building build/%s with %s\n' "${folder##*/}" "$compiler"
	if command -v ccache >/dev/null; then
		launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
	fi
	mkdir -p "$folder" &&
		cmake -S "$root" -B "$folder" -G Ninja -DPACKHOUSE_BUILD="$kind" -DCMAKE_C_COMPILER="$compiler" \
			"${launcher[@]}" >"$folder/cmake.log" 2>&1 || {
		tail -n 20 "$folder/cmake.log"
		return 1
	}
	ninja -C "$folder" "$@" >"$folder/ninja.log" 2>&1 || {
		grep -vE '^\[[0-9]+/[0-9]+\]' "$folder/ninja.log" | head -n 80
		return 1
	}
}

# need_build …: make_build; a failure counts, a success does not, because the tests come after it
need_build() {
	make_build "$@" || {
		printf 'FAILED: the build of build/%s\n' "$1"
		count 0 1
		return 1
	}
}

# run_ctest FOLDER PATTERN: runs the tests of build/FOLDER whose names match, and counts their cmocka cases
run_ctest() {
	local folder=$root/build/$1 counts
	(cd "$folder" && ctest -R "$2" -j "$(nproc)" --timeout 900 --output-on-failure --no-tests=ignore)
	counts=$(/usr/bin/python3 -B "$root/tests/runner/ctest_counts.py" "$folder/Testing/Temporary/LastTest.log")
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}
