# shellcheck shell=bash disable=SC2154 # root and at_once are set by tests/run
# Running pytest file by file and counting from its reports, build/reports/NAME/FILE.xml.
#
# Files run side by side, also those of several kinds: most of what a test of a cluster does is waiting.

jobs=()           # "WEIGHT COMMAND": what is to run; the heaviest begins
declare -A files=() # of each NAME the reports that there will be, without .xml
pool=             # the process that runs them

# queue_files NAME FOLDER MARK ARGUMENT…: a pytest for each file of tests/FOLDER, and one for some 16 files that share
# a cluster; of tests that are marked so only, unless MARK is `all`
queue_files() {
	local name=$1 folder=$root/tests/$2 marked=() pattern='' all file shared=()
	if [ "$3" != all ]; then
		marked=(-m "$3") pattern="mark\\.$3\\b"
	fi
	shift 3
	rm -rf "$root/build/reports/$name"
	mkdir -p "$root/build/reports/$name"
	files[$name]=
	mapfile -t all < <(grep -l "$pattern" "$folder"/test_*.py | xargs -r ls -S)
	for file in "${all[@]}"; do
		if grep -q '^SHARES_CLUSTER = True' "$file"; then
			shared+=("$file")
		else
			queue_job "$name" "$(basename "$file" .py)" "$(weight_of "$file")" "$file" "${marked[@]}" "$@"
		fi
	done
	queue_shared "$name" "${#shared[@]}" "${shared[@]}" "${marked[@]}" "$@"
}

# queue_shared NAME COUNT FILE… ARGUMENT…: these files, the largest first, dealt out to as few jobs as are needed for
# none to be the last one that runs
queue_shared() {
	local name=$1 shared=("${@:3:$2}") jobs_wanted=$((($2 + 15) / 16)) job i part
	shift $(($2 + 2))
	for ((job = 0; job < jobs_wanted; job++)); do
		part=()
		for ((i = job; i < ${#shared[@]}; i += jobs_wanted)); do
			part+=("${shared[i]}")
		done
		queue_job "$name" "shared-$((job + 1))" 300000000 "${part[@]}" "$@"
	done
}

# queue_job NAME REPORT WEIGHT ARGUMENT…
queue_job() {
	local report=$root/build/reports/$1/$2
	files[$1]+="$report "
	jobs+=("$3 $(printf '%q ' "$root/tests/runner/pytest_run" "$report" "${@:4}")")
}

# weight_of FILE: its size, unless it says that it takes much longer than it looks
weight_of() {
	if grep -q '^TAKES_LONG = True' "$1"; then
		echo 200000000
	else
		stat -c %s "$1"
	fi
}

# begin_pool: runs what is queued in the background, after what was begun before
begin_pool() {
	local most=1
	# As root each has a network of its own, so that two clusters never want the same port.
	if [ "$(id -u)" -eq 0 ]; then
		most=$at_once
	fi
	[ -z "$pool" ] || wait "$pool"
	printf '%s\n' "${jobs[@]}" | sort -rn | cut -d' ' -f2- | xargs -d '\n' -n 1 -P "$most" bash -c &
	pool=$!
	jobs=()
}

# await_files NAME: shows what each file of it says when it has ended, and counts
await_files() {
	local left=${files[$1]} rest report reports counts
	# shellcheck disable=SC2086 # names without blanks
	while [ -n "$left" ] && any_has_ended $left; do
		rest=
		for report in $left; do
			if [ -e "$report.log" ]; then
				cat "$report.log"
			else
				rest+="$report "
			fi
		done
		left=$rest
	done
	read -ra reports <<<"${files[$1]}"
	counts=$(/usr/bin/python3 -B "$root/tests/runner/junit_counts.py" "${reports[@]/%/.xml}")
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}

# any_has_ended REPORT…: waits for one of them; fails when there will be none any more
any_has_ended() {
	local report running=yes
	while :; do
		kill -0 "$pool" 2>/dev/null || running=no
		for report in "$@"; do
			[ -e "$report.log" ] && return
		done
		[ $running = yes ] || return 1
		sleep 0.2
	done
}
