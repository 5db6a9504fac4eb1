# shellcheck shell=bash
# Building the programs, and putting them where the cluster runs them: DIR/bin.
#
# They are copied because the account of the cluster may not be able to enter the clone (one below /root, say), and
# so that a build does not pull the program away from under a running cluster.

program_paths=(gateway/packhouse-gateway storage/packhouse-storage metadb/packhouse-metadb)

build_programs() {
	if [ ! -f "$build_dir/build.ninja" ]; then
		say "configuring the build in $build_dir"
		cmake -S "$root" -B "$build_dir" -G Ninja -DPACKHOUSE_BUILD=release >&2 || die "cmake failed"
	fi
	ninja -C "$build_dir" "${program_paths[@]}" >&2 || die "the build failed"
}

# Copies the programs that changed to DIR/bin.
install_programs() {
	local path file
	for path in "${program_paths[@]}"; do
		file=$dir/bin/${path##*/}
		[ -x "$build_dir/$path" ] ||
			die "$build_dir/$path is missing: build first (deploy/up without --no-build)"
		cmp -s "$build_dir/$path" "$file" && continue
		install_file "$file" 0755 "$owner_file" <"$build_dir/$path"
	done
}
