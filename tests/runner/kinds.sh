# shellcheck shell=bash
# The kinds of tests: one function run_KIND each. What a kind is for: tests/README.md.

run_lint() {
	local counts
	if is_wanted unit; then
		build_ahead unit-gcc dev gcc # the checks use one processor
	fi
	counts=$(/usr/bin/python3 -B "$root/tests/lint/run.py" --counts-to /dev/fd/3 3>&1 >&2) 2>&1
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}

run_unit() {
	need_build unit-gcc dev gcc && run_ctest unit-gcc '^unit_'
	check "everything builds with clang" make_build unit-clang check clang-14
}

run_db() {
	need_build unit-gcc dev gcc || return
	if is_wanted cluster; then
		build_release build_ahead
	fi
	run_ctest unit-gcc '^db_' "$root/tests/db/with_postgres"
}

# build_release need_build|build_ahead: what tests of a release need of it; it also has those of the kinds unit and db,
# which run elsewhere
build_release() {
	"$1" release release gcc {gateway,storage,metadb,tests/interpose,tests/net}/all
}

run_cluster() {
	build_release need_build || return
	build_for_later
	begin_clusters cluster
	run_ctest release '^net_' # they wait most of the time
	await_files cluster
}

# Real clusters of a build that has failpoints (proto/base/failpoint.h), which a release has not.
run_faults() {
	need_build unit-gcc dev gcc || return
	begin_clusters faults
	await_files faults
}

run_clients() {
	build_release need_build || return
	begin_clusters clients
	await_files clients
}

queue_cluster() {
	queue_files cluster cluster all --build-dir "$root/build/release"
}

queue_faults() {
	make_build unit-gcc dev gcc >/dev/null && queue_files faults faults all --build-dir "$root/build/unit-gcc"
}

queue_clients() {
	"$root/tests/runner/get_octokit" & # without it its tests fail, the others go on
	queue_files clients clients all --build-dir "$root/build/release"
}

# begin_clusters KIND: begins the files of this kind, and beside them those of the others like it that are to run;
# nothing when they were begun beside an earlier one
begin_clusters() {
	local kind
	[ -z "${files[$1]-}" ] || return 0
	for kind in cluster faults clients; do
		if is_wanted "$kind" && [ -z "${files[$kind]-}" ]; then
			"queue_$kind"
		fi
	done
	begin_pool
}

# Begins what the last kinds need, built while tests of clusters wait.
build_for_later() {
	if is_wanted fuzz; then
		build_fuzz build_ahead
	fi
	if is_wanted asan; then
		build_asan build_ahead
	fi
}

# build_fuzz need_build|build_ahead
build_fuzz() {
	"$1" fuzz fuzz clang-14 tests/fuzz/all
}

build_asan() {
	"$1" asan asan gcc {gateway,storage,metadb,tests/unit,tests/db}/all
}

is_wanted() {
	case " ${kinds[*]} " in *" $1 "*) return 0 ;; esac
	return 1
}

# Each target for some seconds, beginning with its corpus, as many at once as there are processors; a crash leaves
# its input in build/fuzz/.
run_fuzz() {
	local target seconds=${PACKHOUSE_FUZZ_SECONDS:-8} targets
	build_fuzz need_build || return
	mapfile -t targets < <(find "$root/build/fuzz" -name 'fuzz_*' -type f -perm -u+x | sort)
	rm -f "$root"/build/fuzz/*.passed
	for target in "${targets[@]}"; do
		while (($(jobs -rp | wc -l) >= $(nproc))); do
			sleep 0.2
		done
		echo "fuzzing ${target##*/fuzz_} for $seconds s"
		fuzz_one "$target" "${target##*/fuzz_}" "$seconds" &
	done
	wait
	for target in "${targets[@]}"; do
		check "fuzz ${target##*/fuzz_}" test -e "$root/build/fuzz/${target##*/fuzz_}.passed"
	done
}

# fuzz_one TARGET NAME SECONDS: leaves build/fuzz/NAME.passed, or shows the end of the log
fuzz_one() {
	local target=$1 name=$2 seconds=$3 corpus=$root/build/fuzz/corpus/$2 seeds=()
	mkdir -p "$corpus"
	if [ -d "$root/tests/fuzz/corpus/$name" ]; then
		seeds=("$root/tests/fuzz/corpus/$name")
	fi
	"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
		-artifact_prefix="$root/build/fuzz/$name-" "$corpus" "${seeds[@]}" \
		2>"$root/build/fuzz/$name.log" </dev/null || {
		tail -n 40 "$root/build/fuzz/$name.log"
		return
	}
	touch "$root/build/fuzz/$name.passed"
}

# The same unit and database tests, and a part of the cluster tests, with programs that watch their own memory.
run_asan() {
	export ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=0
	export UBSAN_OPTIONS=print_stacktrace=1
	build_asan need_build || return
	queue_files asan cluster asan --build-dir "$root/build/asan"
	begin_pool
	# The kind unit has run them in full; watched, each operation takes eight times as long.
	PACKHOUSE_MODEL_OPERATIONS=5000 PACKHOUSE_CRASH_STATES=500 run_ctest asan '^unit_'
	run_ctest asan '^db_' "$root/tests/db/with_postgres"
	await_files asan
	unset ASAN_OPTIONS UBSAN_OPTIONS
}

run_fresh() {
	local counts
	counts=$("$root/tests/fresh/run" 3>&1 >&2) 2>&1
	# shellcheck disable=SC2086 # two numbers
	count ${counts:-0 1}
}

run_bench() {
	need_build release release gcc &&
		check bench "$root/tests/bench/run" --no-build --no-install --build-dir "$root/build/release"
}

# soak:NAME runs tests/soak/NAME, which may take hours.
run_soak() {
	need_build release release gcc && check "$1" "$root/tests/soak/$1"
}

list_soaks() {
	local file
	for file in "$root"/tests/soak/*; do
		if [ -x "$file" ] && [ -f "$file" ]; then
			printf 'soak:%s ' "${file##*/}"
		fi
	done
}
