# shellcheck shell=bash
# Debian packages: which are missing, and installing them without starting a service.
# The lists are plain files in deploy/packages/, one name a line, # begins a comment.

# list_packages LIST...: the names in these lists
list_packages() {
	local list
	for list in "$@"; do
		sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$root/deploy/packages/$list" || die "no package list $list"
	done
}

# list_missing_packages LIST...: those that are not installed
list_missing_packages() {
	local name
	list_packages "$@" | while read -r name; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
	done
}

# install_packages LIST...: installs what is missing of them; does nothing when nothing is.
install_packages() {
	local missing as_root=()
	mapfile -t missing < <(list_missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || 
		die "this is no Debian: install what deploy/packages/ lists, then use --no-install"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			die "these packages are missing and there is no sudo to install them; as root, run:" \
				"apt-get install --no-install-recommends ${missing[*]}"
		as_root=(sudo)
	fi
	say "installing packages: ${missing[*]}"
	"${as_root[@]}" bash "$root/deploy/lib/install-quietly" "${missing[@]}" || die "could not install the packages"
}
