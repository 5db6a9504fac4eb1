# shellcheck shell=bash
# Words every script of deploy/ uses: say, warn, die, and what may not be in a path.

# Says what is being done. Goes to stderr, so that stdout stays free for what is asked for.
say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${program:-deploy/${0##*/}}" "$*" >&2
	exit 1
}

# A cluster's folder appears in configuration files, in command lines and in what users copy from the screen.
# Restricting its letters is simpler than quoting right in all of them.
check_path_letters() {
	case $1 in
	*[!A-Za-z0-9/._+@%=,-]*) die "$1: a path may hold only letters, digits and /._+@%=,- here" ;;
	esac
}

# is_number TEXT LOWEST HIGHEST
is_number() {
	[[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3))
}

# Writes stdin to FILE with MODE and OWNER ("user:group"), all at once: a reader sees the old or the new file.
install_file() {
	local file=$1 mode=$2 owner=$3
	(umask 077 && cat >"$file.new") || die "cannot write $file"
	chmod "$mode" "$file.new"
	if [ "$(id -u)" = 0 ]; then
		chown "$owner" "$file.new"
	fi
	mv -f "$file.new" "$file"
}
