# shellcheck shell=bash
# --tls: a CA of the cluster's own and a certificate that it signed, in DIR/tls. Who has a certificate names it with
# --set gateway.tls_certificate=FILE --set gateway.tls_key=FILE instead.
#
# A certificate is made when there is none, when it is for other names than those wanted, and a month before its end.

tls_days=800 # clients refuse certificates that are good for longer than 825 days
tls_ca_days=7300
tls_renew_seconds=$((30 * 24 * 3600))

# speaks_tls: do the gateways, with a certificate of ours or of the operator?
speaks_tls() {
	[ "${option[tls]}" = no ] || return 0
	printf '%s\n' "${settings[@]-}" | grep -q '^gateway\.tls_certificate=.'
}

# tls_names: what users on this machine and elsewhere may call the gateways, as a certificate lists it
tls_names() {
	local address list=DNS:localhost,IP:127.0.0.1,IP:::1
	for address in ${option[bind]//,/ }; do
		case $address in
		0.0.0.0 | ::) list+=",DNS:$(uname -n)" ;;
		127.0.0.1 | ::1) ;;
		*) list+=",IP:$address" ;;
		esac
	done
	echo "$list"
}

# sign_certificate: stdin is a key, the current folder DIR/tls; prints a certificate for tls_names
sign_certificate() {
	local key
	key=$(cat)
	openssl req -new -key <(echo "$key") -subj /CN=packhouse |
		openssl x509 -req -CA ca.crt -CAkey ca.key -days "$tls_days" -set_serial "0x$(openssl rand -hex 16)" \
			-extfile <(
				echo "subjectAltName=$(tls_names)"
				echo 'basicConstraints=CA:FALSE'
				echo 'extendedKeyUsage=serverAuth'
			)
}

new_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
}

make_ca() {
	local key
	say "making a CA for the cluster's certificate"
	key=$(new_key) || return 1
	openssl req -x509 -new -key <(echo "$key") -days "$tls_ca_days" -subj "/CN=Packhouse CA of $(uname -n)" \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>>"$dir/log/tls.log" |
		install_file ca.crt 0644 "$owner_file" || return 1
	echo "$key" | install_file ca.key 0600 "$(id -un):$(id -gn)"
}

certificate_is_good() {
	[ -s server.crt ] && [ -s server.key ] && [ "$(cat names 2>/dev/null)" = "$(tls_names)" ] &&
		openssl x509 -in server.crt -noout -checkend "$tls_renew_seconds" >/dev/null 2>&1
}

renew_certificate() {
	local key certificate name
	say "making a certificate for $(tls_names)"
	key=$(new_key) && certificate=$(echo "$key" | sign_certificate 2>>"$dir/log/tls.log") ||
		die_with_log tls "could not be made ready"
	echo "$key" | install_file server.key 0600 "$owner_file"
	echo "$certificate" | install_file server.crt 0644 "$owner_file"
	tls_names | install_file names 0644 "$owner_file"
	for name in $(list_process_names | grep '^gateway-'); do
		! process_runs "$name" || kill -s HUP "$(pid_of "$name")"
	done
}

# settle_certificate: sees to it that DIR/tls holds a good one; a gateway that runs reads a new one at once
settle_certificate() {
	[ "${option[tls]}" = yes ] || return 0
	mkdir -p "$dir/tls" && cd "$dir/tls" || die "cannot make the folder $dir/tls"
	chmod 0755 .
	if [ ! -s ca.crt ] || [ ! -s ca.key ]; then
		rm -f server.crt
		make_ca || die_with_log tls "could not be made ready"
	fi
	certificate_is_good || renew_certificate
	cd "$root" || exit 1
}

# say_how_to_trust REGISTRY: what clients need so that they believe the certificate
say_how_to_trust() {
	[ "${option[tls]}" = yes ] || return 0
	cat <<-TEXT

		Clients must trust the CA that signed the certificate, $dir/tls/ca.crt. For docker:

		  sudo install -D -m 0644 $dir/tls/ca.crt /etc/docker/certs.d/$1/ca.crt
	TEXT
}
