# shellcheck shell=bash
# What deploy/up writes for the programs (DIR/packhouse.conf) and for people and scripts (DIR/packhouse.env).

admin_login=site-admin
database_password=
admin_token=

# Takes the secrets over from DIR/packhouse.env, or makes a new database password.
read_secrets() {
	local name value
	if [ -f "$dir/packhouse.env" ]; then
		while IFS='=' read -r name value; do
			value=${value#\'}
			value=${value%\'}
			case $name in
			PACKHOUSE_DATABASE_URL)
				value=${value#postgresql://packhouse:}
				database_password=${value%%@*}
				;;
			PACKHOUSE_ADMIN_TOKEN) admin_token=$value ;;
			esac
		done <"$dir/packhouse.env"
	fi
	if [ -z "$database_password" ]; then
		[ ! -d "$dir/data/postgres" ] ||
			die "$dir/packhouse.env is gone, and with it the password of the database"
		database_password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
	fi
}

# daemon_names: storage-1,storage-2,…
daemon_names() {
	seq -f 'storage-%g' -s , 1 "${option[storage]}"
}

# gateway_addresses: what the gateways listen on
gateway_addresses() {
	if [ -n "${option[bind]}" ]; then
		echo "${option[bind]}"
	elif grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null; then
		echo "127.0.0.1,::1"
	else
		echo "127.0.0.1"
	fi
}

# host_for_users: how users on this machine name the registry
host_for_users() {
	local address=${option[bind]%%,*}
	case $address in
	'' | 0.0.0.0 | :: | 127.* | ::1) echo localhost ;;
	*:*) echo "[$address]" ;;
	*) echo "$address" ;;
	esac
}

# url_for_users: how they reach the first gateway
url_for_users() {
	local scheme=http
	if speaks_tls; then scheme=https; fi
	echo "$scheme://$(host_for_users):${option[port]}"
}

# Settings that all processes of the cluster share; what differs from one to the next are flags (see deploy/up).
write_config() {
	local -A value=(
		[database.url]=$(pg_url_of_programs)
		[cluster.daemons]=$(daemon_names)
		[cluster.replicas]=${option[replicas]}
		[keeper.bind]=127.0.0.1:${ports[metadb]}
		[keeper.announce]=127.0.0.1:${ports[metadb]}
		[keeper.private]=127.0.0.1:${ports[metadb.private]}
		[gateway.bind]=$(gateway_addresses)
		[gateway.workers]=${option[workers]}
		[storage.bind]=127.0.0.1
	)
	local setting key
	if [ "${option[tls]}" = yes ]; then
		value[gateway.tls_certificate]=$dir/tls/server.crt
		value[gateway.tls_key]=$dir/tls/server.key
	fi
	for setting in "${settings[@]}"; do
		value[${setting%%=*}]=${setting#*=}
	done
	{
		echo "# Settings of this cluster, written by deploy/up at each start: change them with --set KEY=VALUE"
		for key in "${!value[@]}"; do
			echo "$key = ${value[$key]}"
		done | sort
	} | install_file "$dir/packhouse.conf" 0600 "$owner_file"
}

write_environment() {
	local ca=''
	[ "${option[tls]}" = no ] || ca=$dir/tls/ca.crt
	install_file "$dir/packhouse.env" 0600 "$(id -un):$(id -gn)" <<-TEXT
		# How to reach this cluster, for people and scripts: . $dir/packhouse.env
		PACKHOUSE_URL='$(url_for_users)'
		PACKHOUSE_REGISTRY='$(host_for_users):${option[port]}'
		PACKHOUSE_CA='$ca'
		PACKHOUSE_ADMIN_LOGIN='$admin_login'
		PACKHOUSE_ADMIN_TOKEN='$admin_token'
		PACKHOUSE_METRICS_URL='http://127.0.0.1:${ports[gateway-1.private]}/metrics'
		PACKHOUSE_DATABASE_URL='$(pg_url)'
	TEXT
}

# Makes the site administrator's token on the first start.
make_admin_token() {
	[ -z "$admin_token" ] || return 0
	admin_token=$(run_clean "$dir/bin/packhouse-metadb" admin-token "--config=$dir/packhouse.conf" \
		--login "$admin_login") || die "could not make the site administrator's token"
	write_environment
}

say_how_to_use() {
	local registry trust=
	registry=$(host_for_users):${option[port]}
	[ "${option[tls]}" = no ] || trust="--cacert \"\$PACKHOUSE_CA\" "
	cat <<-TEXT

		Packhouse serves $registry. Make an account and a token for it, then log in, push and pull:

		  . $dir/packhouse.env
		  admin() {
		    curl -sS ${trust}-H "Authorization: token \$PACKHOUSE_ADMIN_TOKEN" \\
		      "\$PACKHOUSE_URL/api/v3/admin/\$1" -d "\$2"
		  }
		  admin users '{"login":"alice","email":"alice@example.org"}'
		  admin users/alice/authorizations '{"scopes":["write:packages"],"note":"laptop"}'   # shows the token

		  docker login -u alice $registry      # the password is the token
		  docker tag debian:12 $registry/alice/debian:12
		  docker push $registry/alice/debian:12
		  docker pull $registry/alice/debian:12

		Logs are in $dir/log, everything else one needs to know in $dir/packhouse.env.
		Stop it: deploy/down --dir $dir
	TEXT
	say_how_to_trust "$registry"
}
