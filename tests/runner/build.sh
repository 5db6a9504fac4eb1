# shellcheck shell=bash
# Builds for tests: one folder a kind below build/, kept between runs.

# make_build FOLDER KIND COMPILER [TARGET…]: configures and builds build/FOLDER; says only what is wrong.
make_build() {
	printf 'building build/%s with %s\n' "$1" "$3"
	"$root/tests/runner/make_build" "$@"
}

# build_ahead …: begins a build that a later kind needs, beside tests that wait more than they compute. That kind's
# own need_build goes on where it stands, and says what is wrong.
build_ahead() {
	(setsid "$root/tests/runner/make_build" --idle "$@" >/dev/null 2>&1 </dev/null &)
}

# need_build …: make_build; a failure counts, a success does not, because the tests come after it
need_build() {
	make_build "$@" || {
		printf 'FAILED: the build of build/%s\n' "$1"
		count 0 1
		return 1
	}
}

# run_ctest FOLDER PATTERN [COMMAND…]: runs the tests of build/FOLDER whose names match, all of them under this command,
# and counts their cmocka cases
run_ctest() {
	local folder=$root/build/$1 pattern=$2 counts
	shift 2
	rm -f "$folder/Testing/Temporary/LastTest.log"
	(cd "$folder" && "$@" ctest -R "$pattern" -j "$at_once" --timeout 900 --output-on-failure --no-tests=ignore)
	counts=$(/usr/bin/python3 -B "$root/tests/runner/ctest_counts.py" "$folder/Testing/Temporary/LastTest.log")
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}
