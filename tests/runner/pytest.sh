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

# run_pytest_files NAME FOLDER ARGUMENT…: a pytest for each file of tests/FOLDER, the largest first, after one for all
# files that share a cluster; as many at once as there are processors. Most of what a test of a cluster does is waiting.
run_pytest_files() {
	local reports=$root/build/reports/$1 folder=$root/tests/$2 at_once=1 begun=0 file shared alone group
	shift 2
	rm -rf "$reports"
	mapfile -t shared < <(grep -l '^SHARES_CLUSTER = True' "$folder"/test_*.py)
	mapfile -t alone < <(find "$folder" -name 'test_*.py' -printf '%s %p\n' | sort -rn | cut -d' ' -f2- |
		grep -vxF "$(printf '%s\n' "${shared[@]}")")
	if [ "$(id -u)" -eq 0 ]; then
		at_once=$(nproc) # each in a network of its own, so that two clusters never want the same port
	fi
	for file in shared.py "${alone[@]}"; do
		group=("$file")
		[ "$file" = shared.py ] && group=("${shared[@]}")
		((begun++ < at_once)) || wait -n
		"$root/tests/runner/pytest_run" --alone "$reports/$(basename "$file" .py).xml" "${group[@]}" "$@" &
	done
	wait
	count_reports "$reports/shared.xml" "${alone[@]/#*\//$reports/}"
}

# count_reports FILE…: each ends in .xml, or in .py where pytest made an .xml of it
count_reports() {
	local counts
	counts=$(/usr/bin/python3 -B "$root/tests/runner/junit_counts.py" "${@/%.py/.xml}")
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}
