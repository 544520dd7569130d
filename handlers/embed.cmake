# Writes a C++ source that carries files as texts: cmake -D OUT=FILE.cpp -D FROM=FOLDER -P embed.cmake
#
# The names are those that handlers/embedded_files.hpp declares. A raw string literal keeps every byte of a text as it is;
# none of the files may contain its end.

set(source "#include \"handlers/embedded_files.hpp\"

// Both compilers take literals of any length; clang says that others need not.
#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace doorward::handlers::embedded {
")
foreach(pair openapi_json=openapi.json docs_html=docs/docs.html docs_js=docs/docs.js docs_css=docs/docs.css)
    string(REGEX MATCH "^([^=]+)=(.+)$" parts "${pair}")
    set(name "${CMAKE_MATCH_1}")
    file(READ "${FROM}/${CMAKE_MATCH_2}" text)
    string(FIND "${text}" ")embedded\"" end)
    if(NOT end EQUAL -1)
        message(FATAL_ERROR "${FROM}/${CMAKE_MATCH_2} contains the end of a raw string literal")
    endif()
    string(APPEND source "\nconst std::string_view ${name}{R\"embedded(${text})embedded\"};\n")
endforeach()
string(APPEND source "\n} // namespace doorward::handlers::embedded\n")
file(WRITE "${OUT}" "${source}")
