/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_list.c: bare lists, one hash a line, sorted, each once. X-Ways wants the name of the hash
 * as the first line; nsrlsvr wants MD5 in upper case and stops at a duplicate.
 */
#include "answer/export.h"
#include "base/hex.h"

static enum kith_status put(struct kith_export *export, const uint8_t *digest, void *user)
{
	const struct kith_export_target *target = user;
	size_t n = kith_digest_size(target->kind);
	char line[2 * KITH_SHA256_SIZE + 1], *end;

	end = target->upper ? kith_hex_encode_upper(digest, n, line)
			    : kith_hex_encode(digest, n, line);
	*end = '\n';
	export->n_written++;
	return kith_out_write(export->out, line, 2 * n + 1) ? KITH_OK : KITH_E_IO;
}

static enum kith_status put_file(struct kith_export *export, const struct kith_content *content,
				 void *user)
{
	if (content->sha256 == NULL) {
		export->n_left_out++;
		return KITH_OK;
	}
	return put(export, content->sha256, user);
}

static enum kith_status run_list(const struct kith_export_target *target,
				 struct kith_export *export, struct kith_err *err)
{
	static const char *const words[KITH_DIGESTS] = {"SHA-256\n", "SHA-1\n", "MD5\n"};
	struct kith_export_target self = *target;

	if ((target->header != NULL || export->header) &&
	    !kith_out_text(export->out, words[target->kind]))
		return KITH_E_IO;
	/* The tables are in the order of the SHA-256 already. */
	return target->kind == KITH_SHA256
		   ? kith_export_files(export, put_file, &self, err)
		   : kith_export_digests(export, target->kind, put, &self, err);
}

const struct kith_export_target kith_export_list[] = {
    {"sha256", "SHA-256, one a line", run_list, KITH_SHA256, NULL, false},
    {"sha1", "SHA-1, one a line", run_list, KITH_SHA1, NULL, false},
    {"md5", "MD5, one a line", run_list, KITH_MD5, NULL, false},
    {"xways-sha256", "SHA-256 with the first line that X-Ways wants", run_list, KITH_SHA256, "",
     false},
    {"xways-sha1", "SHA-1 with the first line that X-Ways wants", run_list, KITH_SHA1, "", false},
    {"xways-md5", "MD5 with the first line that X-Ways wants", run_list, KITH_MD5, "", false},
    {"nsrlsvr", "hashes.txt of nsrlsvr: MD5 in upper case", run_list, KITH_MD5, NULL, true},
    {NULL, NULL, NULL, KITH_SHA256, NULL, false},
};
