# SPDX-License-Identifier: Apache-2.0
#
# What must be there. Found by pkg-config; never downloaded. Debian 12: scripts/install-deps.
#
# PkgConfig::LMDB     always, all that libkith needs
# PkgConfig::CRYPTO, PkgConfig::SQLITE3, PkgConfig::ARCHIVE, PkgConfig::ZLIB   kith-build
# PkgConfig::UDFREAD, SQUASHFS, MSPACK, EXPAT, SECCOMP; kith_wimlib    its workers
# PkgConfig::EVENT, PkgConfig::ZLIB   kith-serve
# PkgConfig::CMOCKA   unit tests
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)

if(KITH_BUILD_SERVE)
	pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent_core)
endif()
if(KITH_BUILD_SERVE OR KITH_BUILD_BUILDER)
	pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
endif()
if(KITH_BUILD_BUILDER)
	pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
	set(THREADS_PREFER_PTHREAD_FLAG ON)
	find_package(Threads REQUIRED)
	pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
	pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
	pkg_check_modules(LZMA REQUIRED IMPORTED_TARGET liblzma>=5.4)
	# The format libraries of the workers (extract/workers).
	pkg_check_modules(UDFREAD REQUIRED IMPORTED_TARGET libudfread)
	pkg_check_modules(SQUASHFS REQUIRED IMPORTED_TARGET libsquashfs1)
	pkg_check_modules(MSPACK REQUIRED IMPORTED_TARGET libmspack)
	pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
	# Debian's wimlib.pc asks for libraries' files that are needed for its static library only.
	find_path(WIMLIB_INCLUDE_DIR wimlib.h REQUIRED)
	find_library(WIMLIB_LIBRARY wim REQUIRED)
	add_library(kith_wimlib INTERFACE)
	target_include_directories(kith_wimlib SYSTEM INTERFACE ${WIMLIB_INCLUDE_DIR})
	target_link_libraries(kith_wimlib INTERFACE ${WIMLIB_LIBRARY})
	pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
elseif(KITH_BUILD_TESTS)
	set(THREADS_PREFER_PTHREAD_FLAG ON)
	find_package(Threads REQUIRED)
endif()
if(KITH_BUILD_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
