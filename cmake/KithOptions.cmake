# SPDX-License-Identifier: Apache-2.0
#
# kith_options: language level, warnings, hardening and sanitizers of every target of ours. It is
# linked PRIVATE and is never installed. Each flag is probed, so that a compiler that lacks one
# builds without it. CMAKE_C_FLAGS belongs to whoever builds.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported(LANGUAGES C)

add_library(kith_options INTERFACE)
target_compile_definitions(kith_options INTERFACE _FILE_OFFSET_BITS=64)

# Adds the flags that the compiler accepts.
function(kith_add_flags)
	foreach(flag IN LISTS ARGN)
		string(MAKE_C_IDENTIFIER "KITH_HAS${flag}" name)
		# gcc accepts an unknown -Wno-x silently and clang warns about an unknown -Wx: an error here.
		set(CMAKE_REQUIRED_FLAGS -Werror)
		check_c_compiler_flag(${flag} ${name})
		if(${name})
			target_compile_options(kith_options INTERFACE ${flag})
		endif()
	endforeach()
endfunction()

function(kith_add_link_flags)
	foreach(flag IN LISTS ARGN)
		string(MAKE_C_IDENTIFIER "KITH_HAS${flag}" name)
		check_linker_flag(C ${flag} ${name})
		if(${name})
			target_link_options(kith_options INTERFACE ${flag})
		endif()
	endforeach()
endfunction()

# Warnings of both compilers.
kith_add_flags(
	-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wpointer-arith
	-Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wformat=2
	-Wundef -Wvla -Walloca -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough
	-Wswitch-enum -Wdate-time)
# gcc only. Not -Wformat-truncation=2: it fires on every deliberately bounded message.
kith_add_flags(
	-Wcast-align=strict -Wformat-overflow=2 -Wformat-truncation=1 -Wformat-signedness
	-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wstringop-overflow=4 -Wuse-after-free=3)
if(KITH_WERROR)
	target_compile_options(kith_options INTERFACE -Werror)
endif()

# Hardening.
kith_add_flags(
	-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fno-common
	-fno-strict-aliasing -ftrivial-auto-var-init=zero)
kith_add_link_flags(-Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

if(KITH_SANITIZE)
	# At -O1, so that a stack trace is still readable. A sanitizer replaces the fortified functions.
	target_compile_options(kith_options INTERFACE
		-fsanitize=${KITH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
	target_link_options(kith_options INTERFACE -fsanitize=${KITH_SANITIZE})
else()
	# Fortified functions need an optimised build. -U: some compilers define it themselves.
	target_compile_options(kith_options INTERFACE
		"$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
endif()
if(KITH_BUILD_FUZZERS)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "KITH_BUILD_FUZZERS needs clang, which has libFuzzer")
	endif()
	target_compile_options(kith_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(KITH_TEST_HOOKS)
	target_compile_definitions(kith_options INTERFACE KITH_TEST_HOOKS=1)
endif()
