/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect.h: what kind of container some bytes are. The only detector: no library is asked to
 * guess (libarchive takes any image that begins with 512 zero bytes for an empty tar). Pure; reads
 * nothing but what it is given; every magic number is in detect.c or a check_*.c with where it is
 * from.
 */
#ifndef KITH_EXTRACT_DETECT_H
#define KITH_EXTRACT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

#define KITH_PEEK_HEAD ((size_t)96 << 10)
#define KITH_PEEK_TAIL ((size_t)64 << 10)

struct kith_peek {
	const uint8_t *head; /* the first bytes: KITH_PEEK_HEAD, or all */
	size_t head_n;
	const uint8_t *tail; /* the last bytes; NULL where they are not known yet */
	size_t tail_n;
	bool has_size;
	uint64_t size;
};

enum kith_format {
	KITH_FORMAT_NONE = 0,
#define KITH_FORMAT(id, name, container, worker, kind, package, summary) KITH_FORMAT_##id,
#include "detect/formats.def"
#undef KITH_FORMAT
	KITH_FORMATS
};

/* Which program opens it: libraries whose licences must not meet are in separate programs. */
enum kith_worker {
	KITH_WORKER_MAIN, /* kith-worker */
	KITH_WORKER_WIM,  /* kith-worker-wim: libwim is GPL-3 */
	KITH_WORKER_7Z,   /* kith-worker-7z: p7zip's 7z.so, if it is installed */
	KITH_WORKERS
};

struct kith_format_info {
	const char *name;      /* stable, for ledger and messages: "squashfs" */
	const char *container; /* the id in containers.def; "": known, and nothing opens it */
	enum kith_worker worker;
	enum kith_place_kind kind; /* KITH_PLACE_IMAGE or KITH_PLACE_ARCHIVE */
	const char *package;       /* the Debian package that is needed at run time, or "" */
	const char *summary;
};

enum kith_format kith_detect(const struct kith_peek *peek);
/* For a format below KITH_FORMATS other than NONE. */
const struct kith_format_info *kith_format_info(enum kith_format format);

#endif
