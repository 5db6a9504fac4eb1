# shellcheck shell=bash disable=SC2154 # root is set by tests/run
# Running pytest and counting from its reports, build/reports/NAME/FILE.xml.

# run_pytest NAME FOLDER ARGUMENT…: one pytest for all of tests/FOLDER
run_pytest() {
	local reports=$root/build/reports/$1 folder=$2
	shift 2
	rm -rf "$reports"
	"$root/tests/runner/pytest_run" "$reports/all.xml" "$folder" "$@"
	count_reports "$reports/all.xml"
}

# run_pytest_files NAME FOLDER ARGUMENT…: a pytest for each file of tests/FOLDER, as many at once as there are
# processors, the largest files first. Most of what a test of a cluster does is waiting.
run_pytest_files() {
	local reports=$root/build/reports/$1 folder=$2 files at_once=1
	shift 2
	rm -rf "$reports"
	mapfile -t files < <(find "$root/tests/$folder" -name 'test_*.py' -printf '%s %P\n' | sort -rn | cut -d' ' -f2)
	if [ "$(id -u)" -eq 0 ]; then
		at_once=$(nproc) # each in a network of its own, so that two clusters never want the same port
	fi
	printf '%s\n' "${files[@]%.py}" |
		xargs -P "$at_once" -I{} "$root/tests/runner/pytest_run" --alone "$reports/{}.xml" "$folder/{}.py" "$@"
	count_reports "${files[@]/#/$reports/}"
}

# count_reports FILE…: each ends in .xml, or in .py where pytest made an .xml of it
count_reports() {
	local counts
	counts=$(/usr/bin/python3 -B "$root/tests/runner/junit_counts.py" "${@/%.py/.xml}")
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}
