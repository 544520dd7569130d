# What `./package` puts into a Debian package, and where.
find_program(DOORWARD_GZIP gzip REQUIRED)
find_package(Python3 COMPONENTS Interpreter REQUIRED)

set(made ${PROJECT_BINARY_DIR}/package)
set(from ${PROJECT_SOURCE_DIR}/systemd)
# -n: the same bytes from the same sources.
add_custom_command(OUTPUT ${made}/doorward.1.gz ${made}/doorward.toml.5.gz ${made}/changelog.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory ${made}
    COMMAND ${DOORWARD_GZIP} -9nc ${from}/package/doorward.1 > ${made}/doorward.1.gz
    COMMAND Python3::Interpreter ${from}/package/toml_man ${from}/doorward.toml > ${made}/doorward.toml.5
    COMMAND ${DOORWARD_GZIP} -9nc ${made}/doorward.toml.5 > ${made}/doorward.toml.5.gz
    COMMAND ${DOORWARD_GZIP} -9nc ${from}/package/changelog > ${made}/changelog.gz
    DEPENDS ${from}/package/doorward.1 ${from}/package/toml_man ${from}/doorward.toml ${from}/package/changelog
    VERBATIM)
add_custom_target(doorward_package_files DEPENDS ${made}/doorward.1.gz ${made}/doorward.toml.5.gz ${made}/changelog.gz)

install(TARGETS doorward RUNTIME DESTINATION bin)
install(FILES ${from}/doorward.service ${from}/doorward-device.socket ${from}/doorward-office.socket
    DESTINATION lib/systemd/system)
install(FILES ${from}/doorward.toml DESTINATION /etc/doorward)
install(FILES ${made}/doorward.1.gz DESTINATION share/man/man1)
install(FILES ${made}/doorward.toml.5.gz DESTINATION share/man/man5)
install(FILES ${from}/package/completion.bash DESTINATION share/bash-completion/completions RENAME doorward)
install(FILES ${from}/package/lintian-overrides DESTINATION share/lintian/overrides RENAME doorward)
install(FILES ${from}/package/copyright ${made}/changelog.gz DESTINATION share/doc/doorward)
install(FILES ${from}/monitoring/doorward.rules.yml ${from}/monitoring/doorward-dashboard.json
    DESTINATION share/doc/doorward/examples)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME doorward)
# Whoever builds it for others names a maintainer: ./package -D CPACK_PACKAGE_CONTACT='Somebody <somebody@bank.example>'
set(CPACK_PACKAGE_CONTACT "doorward engineers <engineers@localhost.localdomain>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "registers phones, checks what they sign, blocks wrong PINs")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Phones with the PowerAuth mobile SDKs register with it and prove with
 every sensitive request that they are the right phone with the right
 user. It blocks a phone after too many wrong proofs, exactly and durably,
 with its storage inside.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS procps) # /bin/kill, which the unit reloads with
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${from}/package/postinst ${from}/package/prerm ${from}/package/postrm
    ${from}/package/conffiles)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
