# Turns the fragments into a C array: cmake -DOUT=FILE -DDIR=DIR -P embed.cmake
file(GLOB fragments "${DIR}/*.json")
list(SORT fragments)
set(rows "")
set(bodies "")
set(number 0)
foreach(fragment ${fragments})
	get_filename_component(name "${fragment}" NAME)
	file(READ "${fragment}" hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(APPEND bodies "static const unsigned char text_${number}[] = {${bytes}0};\n")
	string(APPEND rows "\t{\"${name}\", text_${number}, sizeof(text_${number}) - 1},\n")
	math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "#include \"gateway/openapi.h\"\n\n${bodies}\n"
	"const struct openapi_fragment openapi_fragments[] = {\n${rows}};\n"
	"const size_t openapi_count = sizeof(openapi_fragments) / sizeof(openapi_fragments[0]);\n")
