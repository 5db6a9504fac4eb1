# shellcheck shell=bash
# Ports. The gateways' ports are the user's choice; all others are free ones, chosen once and kept in
# DIR/packhouse.ports, so that several clusters live side by side and a restarted process is where it was.

# The ports somebody listens on, one a line (of this network namespace, all addresses).
list_listening_ports() {
	local file hex
	for file in /proc/net/tcp /proc/net/tcp6; do
		[ -r "$file" ] || continue
		# state 0A is LISTEN; the local address ends with the port in hex
		while read -r hex; do
			echo $((16#$hex))
		done < <(awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' "$file")
	done
}

port_is_taken() {
	list_listening_ports | grep -qx "$1"
}

declare -A ports=() # name (storage-1.bulk, gateway-1.private, …) to port

# settle_ports NAME...: reads the kept ports and chooses what is missing among these names, below the range that the
# kernel takes for outgoing connections (32768 and up).
settle_ports() {
	local name value busy fresh=no
	if [ -f "$dir/packhouse.ports" ]; then
		while IFS='=' read -r name value; do
			[[ $name = '#'* ]] || ports[$name]=$value
		done <"$dir/packhouse.ports"
	fi
	busy=" $(list_listening_ports | tr '\n' ' ') ${ports[*]-} "
	for name in "$@"; do
		[ -z "${ports[$name]-}" ] || continue
		value=$((20000 + SRANDOM % 12000))
		while [[ $busy = *" $value "* ]]; do
			value=$((20000 + SRANDOM % 12000))
		done
		busy+="$value "
		ports[$name]=$value
		fresh=yes
	done
	[ "$fresh" = yes ] || return 0
	{
		echo '# Ports chosen by deploy/up. Remove a line while the cluster is down, and a new port is chosen.'
		for name in "${!ports[@]}"; do
			echo "$name=${ports[$name]}"
		done | sort -V
	} | install_file "$dir/packhouse.ports" 0644 "$owner_file"
}
