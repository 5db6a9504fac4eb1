# shellcheck shell=bash
# Under which account the cluster runs. Started by root: user "packhouse" (PostgreSQL refuses to run as root, and
# nothing here needs root). Started by anybody else: that user.
#
# Sets: owner (user name), owner_file ("user:group" for the cluster's files), as_owner (command prefix).

settle_account() {
	if [ "$(id -u)" != 0 ]; then
		owner=$(id -un)
		owner_file=$owner:$(id -gn)
		as_owner=()
		return
	fi
	owner=packhouse
	owner_file=packhouse:packhouse
	as_owner=(setpriv --reuid=packhouse --regid=packhouse --init-groups)
	if ! getent passwd packhouse >/dev/null; then
		say "creating the user packhouse"
		useradd --system --user-group --no-create-home --home-dir /nonexistent \
			--shell /usr/sbin/nologin packhouse ||
			die "could not create the user packhouse"
	fi
}

# Refuses a cluster folder that the account cannot reach, naming the folder that is closed.
check_reachable() {
	local path=$1 part='' rest
	rest=${path#/}
	while [ -n "$rest" ]; do
		part=$part/${rest%%/*}
		[ -e "$part" ] || return 0 # from here on deploy/up makes it
		[ -d "$part" ] || die "$part is not a folder"
		"${as_owner[@]}" test -x "$part" ||
			die "user $owner, as whom the cluster runs, may not enter $part, so it cannot use $path:" \
				"choose another folder (--dir /srv/packhouse) or open that one (chmod o+x $part)"
		[[ $rest = */* ]] || break
		rest=${rest#*/}
	done
}

# Refuses a folder that holds something else than a cluster.
check_is_ours() {
	local file
	[ ! -e "$1/packhouse.options" ] || return 0
	for file in "$1"/* "$1"/.[!.]*; do
		case ${file##*/} in
		'*' | '.[!.]*' | .lock | run | log | data | bin) ;; # an interrupted first start leaves these
		*) die "$1 is not empty and no cluster of Packhouse: choose another folder with --dir" ;;
		esac
	done
}

# Makes the cluster's folders; they belong to the account.
make_folders() {
	mkdir -p "$dir" || die "cannot make the folder $dir"
	local sub
	for sub in run log data bin; do
		mkdir -p "$dir/$sub" || die "cannot make the folder $dir/$sub"
		if [ "$(id -u)" = 0 ]; then
			chown packhouse:packhouse "$dir/$sub"
		fi
	done
	chmod 0755 "$dir/run" "$dir/log" "$dir/bin"
	chmod 0700 "$dir/data"
	"${as_owner[@]}" test -w "$dir/run" || die "user $owner cannot write to $dir"
}
