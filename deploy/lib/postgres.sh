# shellcheck shell=bash
# The cluster's private PostgreSQL: made once in DIR/data/postgres, reachable over a socket in DIR/run/postgres (0700)
# for the account that runs the cluster, its programs included, and over loopback TCP with the random password in
# DIR/packhouse.env for people and scripts.

pg_bin=/usr/lib/postgresql/15/bin

# A socket's path may have 107 bytes; in a deeper folder there is only TCP.
pg_socket_folder() {
	local folder=$dir/run/postgres
	if [ ${#folder} -le 85 ]; then
		echo "$folder"
	fi
}

pg_url() {
	echo "postgresql://packhouse:$database_password@127.0.0.1:${ports[postgres]}/packhouse"
}

# pg_url_of_programs: over the socket, which costs less than TCP, where there is one
pg_url_of_programs() {
	local folder encoded
	folder=$(pg_socket_folder)
	if [ -z "$folder" ]; then
		pg_url
		return
	fi
	encoded=$(printf %s "$folder" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g')
	echo "postgresql://packhouse@/packhouse?host=$encoded&port=${ports[postgres]}"
}

pg_create() {
	local new=$dir/data/postgres.new complaints
	[ -x "$pg_bin/initdb" ] || die "PostgreSQL 15 is not installed ($pg_bin/initdb is missing)"
	say "making the database"
	rm -rf "$new"
	run_clean "$pg_bin/initdb" -D "$new" -U postgres --data-checksums --encoding=UTF8 --locale=C.UTF-8 \
		--auth-local=peer --auth-host=reject >"$dir/log/initdb.log" 2>&1 || die_with_log initdb "failed"
	printf "\ninclude_if_exists 'packhouse.conf' # written by deploy/up at each start\n" >>"$new/postgresql.conf"
	# In single-user mode PostgreSQL obeys stdin and listens nowhere. It reports errors but ends with 0.
	complaints=$(pg_first_statements |
		(cd "$dir" && "${as_owner[@]}" env -i "${clean_environment[@]}" \
			"$pg_bin/postgres" --single -D "$new" -c config_file="$new/postgresql.conf" \
			-c unix_socket_directories='' postgres 2>&1 >/dev/null) |
		grep -E 'ERROR|FATAL|PANIC')
	[ -z "$complaints" ] || die "making the database: $complaints"
	mv "$new" "$dir/data/postgres"
}

pg_first_statements() {
	echo "CREATE ROLE packhouse LOGIN PASSWORD '$database_password'"
	echo "CREATE DATABASE packhouse OWNER packhouse"
}

# pg_connections: what all processes of the cluster may open together, and some for an operator
pg_connections() {
	local pool=6 setting gateways=${option[gateways]} workers=${option[workers]}
	for setting in "${settings[@]}"; do
		case $setting in database.pool=*) pool=${setting#*=} ;; esac
	done
	is_number "$pool" 1 500 || die "--set database.pool=$pool: 1 to 500"
	echo $((20 + pool * (gateways * workers + 1)))
}

pg_configure() {
	local data=$1
	install_file "$data/packhouse.conf" 0600 "$owner_file" <<-TEXT
		# Written by deploy/up at each start of PostgreSQL; for own changes there is ALTER SYSTEM.
		listen_addresses = '127.0.0.1'
		port = ${ports[postgres]}
		unix_socket_directories = '$(pg_socket_folder)'
		unix_socket_permissions = 0700
		external_pid_file = '$dir/run/postgres.pid'
		max_connections = $(pg_connections)
		cluster_name = 'packhouse'

		# an acknowledged push is never lost
		fsync = on
		synchronous_commit = on
		full_page_writes = on
		wal_compression = lz4

		shared_buffers = 128MB
		max_wal_size = 1GB
		random_page_cost = 1.1
		jit = off
		idle_in_transaction_session_timeout = 60s
		log_min_duration_statement = 1s
		log_checkpoints = off
		log_line_prefix = '%m [%p] %q%a '
		log_timezone = 'UTC'
		timezone = 'UTC'
	TEXT
	install_file "$data/pg_hba.conf" 0600 "$owner_file" <<-TEXT
		# Written by deploy/up at each start of PostgreSQL. Nothing is trusted; nothing but loopback is served.
		local all all peer map=operators
		host  all all 127.0.0.1/32 scram-sha-256
	TEXT
	install_file "$data/pg_ident.conf" 0600 "$owner_file" <<-TEXT
		# Written by deploy/up at each start of PostgreSQL: who may be whom over the socket.
		operators $owner packhouse
		operators $owner postgres
		operators root packhouse
		operators root postgres
	TEXT
}

pg_ready() {
	process_runs postgres && "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "${ports[postgres]}" -t 3
}

pg_start() {
	local data=$dir/data/postgres folder
	if [ ! -d "$data" ]; then
		pg_create
	fi
	folder=$(pg_socket_folder)
	if [ -n "$folder" ]; then
		"${as_owner[@]}" mkdir -p -m 0700 "$folder" || die "cannot make $folder"
	fi
	pg_configure "$data"
	pg_wait_for_orphans
	start_process postgres "$pg_bin/postgres" -D "$data"
	wait_until postgres 300 pg_ready
}

# After a kill -9 of PostgreSQL's first process, the others need a moment to notice. A new one refuses to start while
# the pid in one of its lock files exists, even if it is a zombie or somebody else by now. That nobody works in the
# data folder is the better test; once it holds, the files are stale.
pg_wait_for_orphans() {
	local begin=$SECONDS
	while pg_has_orphans; do
		((SECONDS - begin < 60)) || die "processes of a killed PostgreSQL still use $dir/data/postgres"
		sleep 0.1
	done
	rm -f "$dir/data/postgres/postmaster.pid" "$dir"/run/postgres/.s.*
}

pg_has_orphans() {
	local entry
	for entry in /proc/[0-9]*; do
		if [ "$(readlink "$entry/cwd" 2>/dev/null)" = "$dir/data/postgres" ]; then
			return 0
		fi
	done
	return 1
}
