# shellcheck shell=bash
# Starting, finding, waiting for and stopping the processes of one cluster.
#
# A process is known by its name (postgres, metadb, storage-1, gateway-1, …) and DIR/run/NAME.pid. A pid file may be
# stale, and its number may belong to somebody else by now: it counts only when that process's command line names
# this cluster's own file or folder.

clean_environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LANG=C.UTF-8)
declare -A child=() # pid of what this run of deploy/up started
as_owner=()          # command prefix that makes a command run as the cluster's account: lib/account.sh

# What tells the process NAME of this cluster from all others: one whole argument of its command line.
mark_of() {
	case $1 in
	postgres) echo "$dir/data/postgres" ;;
	*) echo "--pidfile=$dir/run/$1.pid" ;;
	esac
}

# Prints the pid of process NAME; fails when it does not run.
pid_of() {
	local pid
	pid=$(head -n 1 "$dir/run/$1.pid" 2>/dev/null) || return 1
	[[ $pid =~ ^[0-9]+$ ]] || return 1
	tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -e "$(mark_of "$1")" || return 1
	echo "$pid"
} 2>/dev/null

process_runs() {
	pid_of "$1" >/dev/null
}

# Names of all processes that a pid file speaks of, in the order in which they are to be stopped.
list_process_names() {
	local group file
	for group in 'gateway-*' metadb 'storage-*' postgres; do
		for file in "$dir"/run/$group.pid; do
			[ -e "$file" ] || continue
			file=${file##*/}
			echo "${file%.pid}"
		done
	done
}

any_process_runs() {
	local name
	for name in $(list_process_names); do
		if process_runs "$name"; then
			return 0
		fi
	done
	return 1
}

# The environment of started processes: clean, but a build with sanitizers may be told how to report, and one with
# failpoints (proto/base/failpoint.h) where to look for them.
build_environment() {
	local name
	for name in ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS PACKHOUSE_FAILPOINTS; do
		if [ -n "${!name-}" ]; then
			clean_environment+=("$name=${!name}")
		fi
	done
}

# run_clean COMMAND...: runs it as the cluster's account with a clean environment, and waits for it.
run_clean() {
	(cd "$dir" && exec "${as_owner[@]}" env -i "${clean_environment[@]}" "$@" </dev/null 9>&-)
}

# start_process NAME COMMAND...: starts it in the background, output to DIR/log/NAME.log.
start_process() {
	local name=$1 log=$dir/log/$1.log
	shift
	say "starting $name"
	rm -f "$dir/run/$name.pid"
	"${as_owner[@]}" touch "$log" || die "user $owner cannot write $log"
	(
		cd "$dir" || exit 1
		ulimit -n "$(ulimit -Hn)"
		umask 077
		# none of these three forks, so that the pid of this subshell becomes the pid of the program
		exec setsid "${as_owner[@]}" env -i "${clean_environment[@]}" "$@" </dev/null >>"$log" 2>&1 9>&-
	) &
	child[$name]=$!
}

# probe PORT PATH: GET from the private listener on 127.0.0.1:PORT; succeeds when the answer is 200 and just "ok":
# a gateway that can be read from only says so after its 200.
probe() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "GET %s HTTP/1.0\r\n\r\n" "$1" >&3 &&
		mapfile -t line <&3 && [[ ${line[0]} = "HTTP/1."?" 200"* && ${line[-1]} = ok ]]' "$1" "$2" 2>/dev/null
}

# The last words of a process that did not come up.
die_with_log() {
	local name=$1
	shift
	tail -n 8 "$dir/log/$name.log" >&2
	die "$name $*; the above is the end of $dir/log/$name.log"
}

# has_ended NAME: the process that this run started (its pid file may be missing yet), or that it found running
has_ended() {
	if [ -n "${child[$1]-}" ]; then
		! kill -0 "${child[$1]}" 2>/dev/null
	else
		! process_runs "$1"
	fi
}

# wait_until NAME SECONDS COMMAND...: until COMMAND succeeds; dies when the process ends before or time is up.
wait_until() {
	local name=$1 limit=$2 begin=$SECONDS told=$SECONDS
	shift 2
	until "$@"; do
		if has_ended "$name"; then
			die_with_log "$name" "ended instead of getting ready"
		fi
		((SECONDS - begin < limit)) || die_with_log "$name" "is not ready after $limit seconds"
		if ((SECONDS - told >= 10)); then
			say "still waiting for $name"
			told=$SECONDS
		fi
		sleep 0.1
	done
}

# stop_processes SIGNAL SECONDS NAME...: asks all of them, waits for all, kills those that are left after SECONDS.
stop_processes() {
	local signal=$1 limit=$2 begin=$SECONDS name pid
	shift 2
	for name in "$@"; do
		pid=$(pid_of "$name") || continue
		say "stopping $name"
		kill -s "$signal" "$pid" 2>/dev/null || ! process_runs "$name" ||
			die "may not stop $name (process $pid): run this as the user who started it"
	done
	for name in "$@"; do
		while pid=$(pid_of "$name"); do
			if ((SECONDS - begin >= limit)); then
				say "$name did not stop in $limit seconds; killing it"
				kill -s KILL "$pid"
			fi
			sleep 0.1
		done
		rm -f "$dir/run/$name.pid"
	done
}

# Stops the whole cluster: users first, the database last.
stop_cluster() {
	local names
	mapfile -t names < <(list_process_names | grep '^gateway-')
	stop_processes TERM 40 "${names[@]}"
	stop_processes TERM 20 metadb
	mapfile -t names < <(list_process_names | grep '^storage-')
	stop_processes TERM 60 "${names[@]}"
	stop_processes INT 60 postgres # PostgreSQL's "fast" shutdown: ends sessions, writes a checkpoint
}
