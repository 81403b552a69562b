# SPDX-License-Identifier: Apache-2.0
#
# What must be there. Found by pkg-config; never downloaded. Debian 12: scripts/install-deps.
#
# PkgConfig::LMDB     always, all that libkith needs
# PkgConfig::CRYPTO   KITH_HAVE_CRYPTO: `kith verify`, and kith-build
# PkgConfig::SQLITE3, PkgConfig::ARCHIVE, PkgConfig::ZLIB   kith-build
# PkgConfig::CMOCKA   unit tests
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)

set(KITH_HAVE_CRYPTO OFF)
if(KITH_CRYPTO OR KITH_BUILD_BUILDER)
	pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
	set(KITH_HAVE_CRYPTO ON)
endif()
if(KITH_BUILD_BUILDER)
	set(THREADS_PREFER_PTHREAD_FLAG ON)
	find_package(Threads REQUIRED)
	pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
	pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
	pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
elseif(KITH_BUILD_TESTS)
	set(THREADS_PREFER_PTHREAD_FLAG ON)
	find_package(Threads REQUIRED)
endif()
if(KITH_BUILD_TESTS)
	pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
