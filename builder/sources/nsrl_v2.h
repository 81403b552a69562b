/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrl_v2.h: the parts of the reader of NSRL RDS v2 and v1 text releases (nsrl_v2*.c), among
 * themselves. A release is five text files: NSRLFile (one row for each occurrence), NSRLProd,
 * NSRLMfg, NSRLOS and VERSION. They lie in a folder, a zip or an ISO image; NSRLFile may be zipped
 * once more.
 */
#ifndef KITH_SOURCES_NSRL_V2_H
#define KITH_SOURCES_NSRL_V2_H

#include "idmap.h"
#include "nsrl_common.h"

/* -------------------------------------------------------------- text rows */

enum v2_layout { V2_LAYOUT_NONE, V2_LAYOUT_1, V2_LAYOUT_2 };

/* The header line tells the release's layout; V2_LAYOUT_NONE: it is no header. */
enum v2_layout v2_header(struct kith_bytes line);

struct v2_row {
	struct kith_bytes sha1, md5; /* as they stand there */
	struct kith_bytes name;      /* without its quotes; a quote inside may be doubled */
	struct kith_bytes size, product, system, special;
};

/*
 * Takes a row apart from both ends, so that a name may hold commas and quotes. line: without CR
 * and LF. False: malformed.
 */
bool v2_parse_row(struct kith_bytes line, enum v2_layout layout, struct v2_row *ret_row);

/* A field from the left / the right end of *rest, which shrinks. Quotes are removed. */
bool v2_take_left(struct kith_bytes *rest, struct kith_bytes *ret_field);
bool v2_take_right(struct kith_bytes *rest, struct kith_bytes *ret_field);
/* Removes the quotes around a field, if it has them. */
struct kith_bytes v2_unquote(struct kith_bytes field);

/* The number of a field of decimal digits; false for anything else. */
bool v2_number(struct kith_bytes text, uint64_t *ret);

/* ----------------------------------------------------------------- tables */

enum v2_text { V2_MFG, V2_OS, V2_PROD, V2_VERSION, V2_TEXTS };

struct v2_code {
	size_t start, n; /* of its bytes in `codes_text` */
	uint32_t place;
};

struct nsrl_v2 {
	struct kith_buf input;  /* path, terminated: for messages */
	struct kith_buf path;   /* terminated: of NSRLFile.txt, or of the archive that has it */
	struct kith_buf member; /* terminated: its name in the archive; empty: it is a file */
	enum kith_unpack_format format; /* of the archive */
	struct kith_buf label; /* how the zip's folder or the image names the set; may be empty */
	struct kith_buf texts[V2_TEXTS]; /* the small files; empty when missing */
	bool has_text[V2_TEXTS];
	struct nsrl_fault
	    faults[V2_TEXTS + 1]; /* of the small files; then of the zip in the archive */
	uint64_t file_bytes;      /* of NSRLFile.txt; 0: unknown */
	bool keep_going;
	uint32_t source, root;
	struct idmap numbers;  /* ProductCode that is a number -> place */
	struct kith_buf codes; /* struct v2_code, sorted by their bytes: the others */
	struct kith_buf codes_text;
};

/* nsrl_v2_tables.c: declares distributors, products and packages from `texts`. */
enum kith_status v2_read_tables(struct nsrl_v2 *v2, const struct kith_source_args *args,
				struct kith_err *err);
/* The place of a ProductCode; false when NSRLProd does not have it. */
bool v2_find_code(const struct nsrl_v2 *v2, struct kith_bytes code, uint32_t *ret_place);

/* nsrl_v2_files.c: finds the release's files; loads the small ones. */
enum kith_status v2_find_files(struct nsrl_v2 *v2, const struct kith_source_args *args,
			       struct kith_err *err);
/* In any case; also the name of the zip with NSRLFile. */
bool v2_folder_is_release(const char *path);

/* Appends name, with doubled quotes made single when there are any. */
static inline bool v2_has_doubled(struct kith_bytes name)
{
	size_t i;

	for (i = 0; i + 1 < name.n; i++)
		if (name.data[i] == '"' && name.data[i + 1] == '"')
			return true;
	return false;
}
bool v2_undouble(struct kith_buf *buf, struct kith_bytes name);

#endif
