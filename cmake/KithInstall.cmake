# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts where. tests/install builds a consumer from the result.
include(CMakePackageConfigHelpers)

set(kith_libraries)
foreach(library IN ITEMS kith kith_static)
	if(TARGET ${library})
		list(APPEND kith_libraries ${library})
	endif()
endforeach()
if(NOT kith_libraries)
	return()
endif()
install(TARGETS ${kith_libraries}
	EXPORT kith-targets
	RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
	LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
	INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/kith.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

foreach(program IN ITEMS kith-cli kith-build kith-serve)
	if(TARGET ${program})
		install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	endif()
endforeach()

# The worker programs, where the walk looks for them: beside bin/.
foreach(program IN ITEMS kith-worker kith-worker-wim kith-worker-7z)
	if(TARGET ${program})
		install(TARGETS ${program} RUNTIME DESTINATION libexec/kith)
	endif()
endforeach()

# CMake package: find_package(kith), targets kith::kith (shared) and kith::kith_static.
set(kith_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kith)
install(EXPORT kith-targets NAMESPACE kith:: DESTINATION ${kith_package_dir})
configure_package_config_file(
	${PROJECT_SOURCE_DIR}/cmake/kith-config.cmake.in ${PROJECT_BINARY_DIR}/kith-config.cmake
	INSTALL_DESTINATION ${kith_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kith-config-version.cmake
	COMPATIBILITY SameMinorVersion)
install(FILES
	${PROJECT_BINARY_DIR}/kith-config.cmake ${PROJECT_BINARY_DIR}/kith-config-version.cmake
	DESTINATION ${kith_package_dir})

# pkg-config. Paths are relative to the file, so that an installed tree may be moved.
file(RELATIVE_PATH kith_pc_prefix
	/${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" kith_pc_prefix "${kith_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/kith.pc.in ${PROJECT_BINARY_DIR}/kith.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kith.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Manual pages and completions.
foreach(page IN ITEMS
	kith.1 kith-dump.1 kith-export.1 kith-info.1 kith-lookup.1 kith-name.1 kith-verify.1
	kith-why.1 kith.3 kith-set.5)
	string(REGEX MATCH "[0-9]$" section ${page})
	install(FILES ${PROJECT_SOURCE_DIR}/docs/man/${page}
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
if(KITH_BUILD_BUILDER)
	install(FILES
		${PROJECT_SOURCE_DIR}/docs/man/kith-build.1
		${PROJECT_SOURCE_DIR}/docs/man/kith-build-image.1
		${PROJECT_SOURCE_DIR}/docs/man/kith-build-merge.1
		${PROJECT_SOURCE_DIR}/docs/man/kith-build-nsrl.1
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
if(KITH_BUILD_SERVE)
	install(FILES ${PROJECT_SOURCE_DIR}/docs/man/kith-serve.1
		DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
	# ExecStart= names the program without a folder: systemd finds it in /usr/local/bin and /usr/bin.
	install(FILES
		${PROJECT_SOURCE_DIR}/docs/systemd/kith-serve.service
		${PROJECT_SOURCE_DIR}/docs/systemd/kith-serve.socket
		DESTINATION lib/systemd/system)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/docs/completions/kith.bash
	DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kith)
if(KITH_BUILD_BUILDER)
	# bash loads a completion by the name of the command.
	install(FILES ${PROJECT_SOURCE_DIR}/docs/completions/kith.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kith-build)
endif()
if(KITH_BUILD_SERVE)
	install(FILES ${PROJECT_SOURCE_DIR}/docs/completions/kith.bash
		DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kith-serve)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/docs/completions/_kith
	DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
