# Makes the source that carries the console:
#
#     cmake -D NPM=... -D NODE=... -D FROM=console -D WORK=FOLDER -D OUT=FILE.cpp -P build.cmake
#
# What the lock file names is fetched into WORK, which is outside of the checkout, when the lock file changed.

file(MAKE_DIRECTORY "${WORK}")
file(SHA256 "${FROM}/package-lock.json" wanted)
set(stamp "${WORK}/fetched")
set(fetched "")
if(EXISTS "${stamp}")
    file(READ "${stamp}" fetched)
endif()
if(NOT fetched STREQUAL wanted)
    file(COPY "${FROM}/package.json" "${FROM}/package-lock.json" DESTINATION "${WORK}")
    execute_process(COMMAND "${NPM}" ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund
        WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
    if(failed)
        message(FATAL_ERROR "${said}\nThe console takes packages of npm (console/package-lock.json), and they could not "
            "be fetched. Is npm's registry within reach? A registry of your own is named by npm_config_registry.")
    endif()
    file(WRITE "${stamp}" "${wanted}")
endif()
# It is found beside the script, and the packages it uses beside both.
file(COPY "${FROM}/build.mjs" DESTINATION "${WORK}")
execute_process(COMMAND "${NODE}" build.mjs --from "${FROM}" --modules "${WORK}" --cpp "${OUT}"
    WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "the console could not be made")
endif()
