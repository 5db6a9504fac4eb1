# Turns the migrations into a C array: cmake -DOUT=FILE -DSCHEMA_DIR=DIR -P embed.cmake
file(GLOB scripts "${SCHEMA_DIR}/[0-9][0-9][0-9][0-9]_*.sql")
list(SORT scripts)
set(rows "")
set(bodies "")
foreach(script ${scripts})
	get_filename_component(name "${script}" NAME_WE)
	string(SUBSTRING "${name}" 0 4 digits)
	math(EXPR version "1${digits} - 10000")
	file(READ "${script}" hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND bodies "static const char sql_${digits}[] = {${bytes}0};\n")
	string(APPEND rows "\t{${version}, \"${name}\", sql_${digits}},\n")
endforeach()
file(WRITE "${OUT}" "#include \"metadb/schema.h\"\n\n${bodies}\n"
	"const struct schema_script schema_scripts[] = {\n${rows}};\n"
	"const size_t schema_count = sizeof(schema_scripts) / sizeof(schema_scripts[0]);\n")
