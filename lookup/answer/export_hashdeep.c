/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_hashdeep.c: a list for hashdeep -k, with the columns that hashdeep makes by itself. A file
 * whose size, MD5 or SHA-256 is not known cannot be in it. Line breaks in a name are escaped.
 */
#include <string.h>

#include "answer/export.h"
#include "base/hex.h"

#define HEAD                              \
	"%%%% HASHDEEP-1.0\n"             \
	"%%%% size,md5,sha256,filename\n" \
	"## made by kith\n"               \
	"##\n"

static enum kith_status put(struct kith_export *export, const struct kith_content *content,
			    void *user)
{
	struct kith_buf *line = user;
	struct kith_shown shown;
	struct kith_seen seen;
	enum kith_status st;
	char hex[2 * KITH_SHA256_SIZE];
	size_t i;

	if (content->sha256 == NULL || content->md5 == NULL ||
	    (content->flags & KITH_FILE_HAS_SIZE) == 0) {
		export->n_left_out++;
		return KITH_OK;
	}
	kith_shown_start(&shown, content, 1);
	st = kith_shown_next(export->asker, &shown, &seen);
	if (st < 0)
		return st;
	line->n = 0;
	(void)kith_buf_add_number(line, content->size_bytes);
	(void)kith_buf_add_byte(line, ',');
	(void)kith_hex_encode(content->md5, KITH_MD5_SIZE, hex);
	(void)kith_buf_add(line, hex, (size_t)2 * KITH_MD5_SIZE);
	(void)kith_buf_add_byte(line, ',');
	(void)kith_hex_encode(content->sha256, KITH_SHA256_SIZE, hex);
	(void)kith_buf_add(line, hex, (size_t)2 * KITH_SHA256_SIZE);
	(void)kith_buf_add_byte(line, ',');
	for (i = 0; st == KITH_OK && i < seen.name.n; i++) {
		if (seen.name.data[i] < ' ' || seen.name.data[i] == 0x7f)
			(void)kith_escape_text(line, seen.name.data + i, 1);
		else
			(void)kith_buf_add_byte(line, seen.name.data[i]);
	}
	if (!kith_buf_add_byte(line, '\n') || line->failed)
		return KITH_E_NOMEM;
	export->n_written++;
	return kith_out_write(export->out, line->data, line->n) ? KITH_OK : KITH_E_IO;
}

static enum kith_status run_hashdeep(const struct kith_export_target *target,
				     struct kith_export *export, struct kith_err *err)
{
	struct kith_buf line = {NULL, 0, 0, false};
	enum kith_status st = KITH_E_IO;

	(void)target;
	if (kith_out_write(export->out, HEAD, strlen(HEAD)))
		st = kith_export_files(export, put, &line, err);
	kith_buf_done(&line);
	return st;
}

const struct kith_export_target kith_export_hashdeep[] = {
    {"hashdeep", "for hashdeep -k: size, MD5, SHA-256, name", run_hashdeep, KITH_SHA256, NULL,
     false},
    {NULL, NULL, NULL, KITH_SHA256, NULL, false},
};
