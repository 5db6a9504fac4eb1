# shellcheck shell=bash
# The options of deploy/up: reading them, and remembering them in DIR/packhouse.options.
#
# What shapes a cluster (ports, numbers of processes, settings) is remembered by its first start, so that a plain
# `deploy/up` always brings back the same cluster. A later start may give other values only while nothing of the
# cluster runs; the number of daemons and replicas can never be changed here, because data would have to move first.

# The cluster's shape: name, default. --set is a list and kept apart.
declare -A option=(
	[port]=5000 [bind]='' [storage]=3 [replicas]=0 [gateways]=1 [workers]=2 [tls]=no
)
option_order=(port bind storage replicas gateways workers tls)
declare -A given=() # the same names, only what the command line said
settings=()         # KEY=VALUE of each --set
settings_given=()

dir=
build_dir=
want_build=yes
want_install=yes
detach=no

usage_up() {
	cat <<'TEXT'
usage: deploy/up [OPTION]...

Installs what is missing, builds, and starts a Packhouse cluster on this machine: a private PostgreSQL, the keeper,
storage daemons and gateways. Run again it starts what is not running, with the options given first.

  --dir DIR        folder of the cluster: data, logs, pid files (./var)
  --port N         port of the first gateway; the next ones take the next ports (5000)
  --bind ADDR      address the gateways serve (127.0.0.1 and ::1)
  --storage N      storage daemons (3)
  --replicas N     copies of each chunk; 0: three, or as many as there are daemons (0)
  --gateways N     gateways (1)
  --workers N      worker processes of each gateway (2)
  --tls            the gateways speak TLS, with a certificate made here; --no-tls: they do so no longer
  --set KEY=VALUE  a setting of the programs; may be repeated
  --build-dir DIR  where the programs are built (build/release)
  --no-build       take the programs as they are in the build folder
  --no-install     do not install packages
  --detach         return as soon as all is ready; without it: follow the logs, Ctrl-C stops all

deploy/down [--dir DIR] [--purge] stops a cluster; --purge also removes its folder with all data.
TEXT
}

# Reads the command line into dir, build_dir, given, settings_given and the switches.
parse_up_options() {
	local name
	while [ $# -gt 0 ]; do
		name=${1#--}
		case $1 in
		--*=*)
			name=${name%%=*}
			set -- "--$name" "${1#*=}" "${@:2}"
			continue
			;;
		--port | --bind | --storage | --replicas | --gateways | --workers)
			[ $# -ge 2 ] || die "$1 needs a value"
			given[$name]=$2
			shift
			;;
		--dir | --build-dir)
			[ $# -ge 2 ] && [ -n "$2" ] || die "$1 needs a folder"
			if [ "$1" = --dir ]; then dir=$2; else build_dir=$2; fi
			shift
			;;
		--set)
			[[ ${2-} =~ ^[a-z][a-z0-9_.]*=.*$ ]] || die "--set needs KEY=VALUE"
			settings_given+=("$2")
			shift
			;;
		--no-build) want_build=no ;;
		--no-install) want_install=no ;;
		--detach) detach=yes ;;
		--tls) given[tls]=yes ;;
		--no-tls) given[tls]=no ;;
		-h | --help)
			usage_up
			exit 0
			;;
		*) die "unknown option $1 (deploy/up --help lists all)" ;;
		esac
		shift
	done
}

check_up_options() {
	local value
	is_number "${option[port]}" 1 65535 || die "--port ${option[port]}: not a port"
	is_number "${option[storage]}" 1 64 || die "--storage ${option[storage]}: 1 to 64 daemons"
	is_number "${option[gateways]}" 1 64 || die "--gateways ${option[gateways]}: 1 to 64 gateways"
	is_number "${option[workers]}" 1 64 || die "--workers ${option[workers]}: 1 to 64 workers"
	is_number "${option[replicas]}" 0 8 || die "--replicas ${option[replicas]}: 0 to 8 copies"
	((option[replicas] <= option[storage])) ||
		die "--replicas ${option[replicas]}: more copies than storage daemons (${option[storage]})"
	((option[port] + option[gateways] - 1 <= 65535)) ||
		die "--port ${option[port]}: the last gateway's port would be above 65535"
	case ${option[bind]} in
	*[!0-9A-Fa-f.:,]*) die "--bind ${option[bind]}: give a numeric IPv4 or IPv6 address" ;;
	esac
	for value in "${settings[@]}"; do
		[[ $value != *$'\n'* ]] || die "--set ${value%%=*}: a value is one line"
	done
}

# Takes over what DIR/packhouse.options remembers; returns 1 when there is none.
read_options() {
	local name value
	[ -f "$dir/packhouse.options" ] || return 1
	while IFS='=' read -r name value; do
		case $name in
		set) settings+=("$value") ;;
		port | bind | storage | replicas | gateways | workers | tls) option[$name]=$value ;;
		'' | '#'*) ;;
		*) die "$dir/packhouse.options: unknown option $name (made by another version?)" ;;
		esac
	done <"$dir/packhouse.options"
}

write_options() {
	local name
	{
		echo '# How this cluster was first started by deploy/up; a plain deploy/up starts it like this again.'
		for name in "${option_order[@]}"; do
			echo "$name=${option[$name]}"
		done
		for name in "${settings[@]}"; do
			echo "set=$name"
		done
	} | install_file "$dir/packhouse.options" 0644 "$owner_file"
}

# Merges what is remembered with what is given. $1: "yes" when some process of the cluster runs.
settle_options() {
	local running=$1 name first=yes changed=()
	if read_options; then first=no; fi
	for name in "${option_order[@]}"; do
		[ -n "${given[$name]+x}" ] && [ "${given[$name]}" != "${option[$name]}" ] || continue
		if [ "$first" = no ] && [[ $name = storage || $name = replicas ]]; then
			die "--$name ${given[$name]}: this cluster was made with --$name ${option[$name]}," \
				"and changing that would mean to move data, which this version cannot do"
		fi
		changed+=("--$name")
		option[$name]=${given[$name]}
	done
	if [ ${#settings_given[@]} -gt 0 ] && [ "${settings_given[*]}" != "${settings[*]-}" ]; then
		changed+=("--set")
		settings=("${settings_given[@]}")
	fi
	if [ "$running" = yes ] && [ ${#changed[@]} -gt 0 ]; then
		die "${changed[*]}: differs from what this cluster runs with; stop it first (deploy/down --dir $dir)," \
			"then start it with the new options"
	fi
	check_up_options
}
