/* SPDX-License-Identifier: Apache-2.0 */
/* export_hashlookup.c: all files as records of CIRCL hashlookup, one JSON object a line. */
#include "answer/export.h"
#include "answer/render.h"

static enum kith_status put(struct kith_export *export, const struct kith_content *content,
			    void *user)
{
	struct kith_buf *line = user;
	enum kith_status st;

	line->n = 0;
	st = kith_hashlookup_record(export->asker, content, line);
	if (st != KITH_OK)
		return st;
	if (!kith_buf_add_byte(line, '\n'))
		return KITH_E_NOMEM;
	export->n_written++;
	return kith_out_write(export->out, line->data, line->n) ? KITH_OK : KITH_E_IO;
}

static enum kith_status run_hashlookup(const struct kith_export_target *target,
				       struct kith_export *export, struct kith_err *err)
{
	struct kith_buf line = {NULL, 0, 0, false};
	enum kith_status st = kith_export_files(export, put, &line, err);

	(void)target;
	kith_buf_done(&line);
	return st;
}

const struct kith_export_target kith_export_hashlookup[] = {
    {"hashlookup", "records of CIRCL hashlookup, one JSON object a line", run_hashlookup,
     KITH_SHA256, NULL, false},
    {NULL, NULL, NULL, KITH_SHA256, NULL, false},
};
