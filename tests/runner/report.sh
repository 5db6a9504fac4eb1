# shellcheck shell=bash
# Counting: every runner adds what passed and failed to the kind that runs; the summary comes at the end.

kind_name=
kind_begin=0
kind_passed=0
kind_failed=0
total_passed=0
total_failed=0
summary=()

begin_kind() {
	kind_name=$1
	kind_begin=$SECONDS
	kind_passed=0
	kind_failed=0
	printf '\n==== %s\n' "$kind_name"
}

# count PASSED FAILED
count() {
	kind_passed=$((kind_passed + $1))
	kind_failed=$((kind_failed + $2))
}

# check NAME COMMAND…: one test which is passed when the command succeeds
check() {
	local name=$1
	shift
	if "$@"; then
		count 1 0
	else
		printf 'FAILED: %s\n' "$name"
		count 0 1
		return 1
	fi
}

end_kind() {
	if ((kind_passed + kind_failed == 0)); then
		printf 'FAILED: there are no tests of the kind %s\n' "$kind_name"
		kind_failed=1
	fi
	summary+=("$(printf '%-14s %5d passed %5d failed %5d s' "$kind_name" "$kind_passed" "$kind_failed" \
		$((SECONDS - kind_begin)))")
	total_passed=$((total_passed + kind_passed))
	total_failed=$((total_failed + kind_failed))
}

print_summary() {
	printf '\n==== summary\n'
	printf '%s\n' "${summary[@]}"
	printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
	((total_failed == 0))
}
