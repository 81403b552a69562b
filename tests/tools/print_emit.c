/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print_emit.c: an emitter for tests and fuzz targets: runs one container in this process, without
 * a sandbox, and prints each entry: SHA-256, size, name. Containers inside are not opened.
 *
 *   container_one FORMAT FILE      lines to stdout; exit 1 when the walk fails
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "containers/container.h"

struct kept {
	struct kith_buf name;
	uint8_t sha256[32];
	uint64_t size;
	struct kept *next;
};

struct kith_emit {
	const struct kith_blob *blob;
	const char *path;
	EVP_MD_CTX *ctx;
	struct kith_buf name;
	enum kith_entry_kind kind;
	bool keep;
	uint64_t size;
	struct kept *kept;
	struct kith_blob siblings[64];
	size_t n_siblings;
};

static void print_text(const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '\\')
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
	}
}

static void print_entry(const uint8_t *sha256, uint64_t size, enum kith_entry_kind kind,
			const void *name, size_t n)
{
	static const char kinds[] = "fsio";
	size_t i;

	for (i = 0; i < 32; i++)
		printf("%02x", sha256[i]);
	printf(" %" PRIu64 " %c ", size, kinds[kind]);
	print_text(name, n);
	putchar('\n');
}

enum kith_status kith_emit_begin(struct kith_emit *emit, const struct kith_entry *entry,
				 struct kith_err *err)
{
	emit->name.n = 0;
	emit->size = 0;
	emit->kind = entry->kind;
	emit->keep = entry->may_be_linked;
	if (!kith_buf_add(&emit->name, entry->name, entry->name_n))
		return kith_fail_nomem(err);
	if (entry->kind == KITH_ENTRY_OTHER) {
		printf("other ");
		print_text(entry->name, entry->name_n);
		putchar('\n');
		return KITH_OK;
	}
	EVP_DigestInit_ex(emit->ctx, EVP_sha256(), NULL);
	return KITH_OK;
}

enum kith_status kith_emit_data(struct kith_emit *emit, const void *data, size_t n,
				struct kith_err *err)
{
	(void)err;
	EVP_DigestUpdate(emit->ctx, data, n);
	emit->size += n;
	return KITH_OK;
}

enum kith_status kith_emit_zeros(struct kith_emit *emit, uint64_t n, struct kith_err *err)
{
	static const uint8_t zeros[65536];

	if (n > (UINT64_C(1) << 32))
		return KITH_END;
	while (n > 0) {
		size_t now = n < sizeof zeros ? (size_t)n : sizeof zeros;

		(void)kith_emit_data(emit, zeros, now, err);
		n -= now;
	}
	return KITH_OK;
}

enum kith_status kith_emit_end(struct kith_emit *emit, struct kith_err *err)
{
	uint8_t sha256[32];

	EVP_DigestFinal_ex(emit->ctx, sha256, NULL);
	print_entry(sha256, emit->size, emit->kind, emit->name.data, emit->name.n);
	if (emit->keep) {
		struct kept *kept = calloc(1, sizeof *kept);

		if (kept == NULL || !kith_buf_add(&kept->name, emit->name.data, emit->name.n)) {
			free(kept);
			return kith_fail_nomem(err);
		}
		memcpy(kept->sha256, sha256, 32);
		kept->size = emit->size;
		kept->next = emit->kept;
		emit->kept = kept;
	}
	return KITH_OK;
}

enum kith_status kith_emit_damaged(struct kith_emit *emit, const char *reason, const char *detail,
				   struct kith_err *err)
{
	(void)err;
	printf("damaged (%s: %s) ", reason, detail);
	print_text(emit->name.data, emit->name.n);
	putchar('\n');
	return KITH_OK;
}

enum kith_status kith_emit_in_place(struct kith_emit *emit, const struct kith_entry *entry,
				    const struct kith_extent *extents, size_t n,
				    struct kith_err *err)
{
	struct kith_blob part;
	uint8_t buf[65536];
	uint64_t at = 0;
	enum kith_status st = kith_emit_begin(emit, entry, err);

	if (st < 0)
		return st;
	if (kith_blob_parts(&part, emit->blob, extents, n, err) < 0)
		return kith_emit_damaged(emit, "damaged", err->msg, err);
	while (at < part.size) {
		size_t got;

		st = kith_blob_read_some(&part, at, buf, sizeof buf, &got, err);
		if (st < 0)
			break;
		(void)kith_emit_data(emit, buf, got, err);
		at += got;
	}
	kith_blob_done(&part);
	return st < 0 ? kith_emit_damaged(emit, "damaged", err->msg, err)
		      : kith_emit_end(emit, err);
}

enum kith_status kith_emit_link(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				const uint8_t *target, size_t target_n, struct kith_err *err)
{
	struct kept *k;

	(void)err;
	for (k = emit->kept; k != NULL; k = k->next)
		if (k->name.n == target_n && memcmp(k->name.data, target, target_n) == 0)
			break;
	if (k == NULL) {
		printf("link without target ");
		print_text(name, name_n);
		putchar('\n');
	} else {
		print_entry(k->sha256, k->size, KITH_ENTRY_FILE, name, name_n);
	}
	return KITH_OK;
}

enum kith_status kith_emit_pull(struct kith_emit *emit, const struct kith_entry *entry,
				enum kith_status (*read)(void *user, void *buf, size_t n,
							 size_t *ret_n, struct kith_err *err),
				void *user, struct kith_err *err)
{
	uint8_t buf[65536];
	enum kith_status st = kith_emit_begin(emit, entry, err);

	while (st >= 0) {
		size_t got;

		st = read(user, buf, sizeof buf, &got, err);
		if (st < 0)
			return kith_emit_damaged(emit, "damaged", err->msg, err);
		if (got == 0)
			return kith_emit_end(emit, err);
		st = kith_emit_data(emit, buf, got, err);
	}
	return st;
}

enum kith_status kith_emit_fact(struct kith_emit *emit, enum kith_fact fact, unsigned weight,
				const void *text, size_t n, struct kith_err *err)
{
	(void)emit;
	(void)err;
	printf("fact %d %u ", (int)fact, weight);
	print_text(text, n);
	putchar('\n');
	return KITH_OK;
}

enum kith_status kith_emit_kind(struct kith_emit *emit, const char *kind, struct kith_err *err)
{
	(void)emit;
	(void)err;
	printf("kind %s\n", kind);
	return KITH_OK;
}

enum kith_status kith_emit_declared(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				    const struct kith_declared *declared, bool has_size,
				    uint64_t size, bool signed_, struct kith_err *err)
{
	(void)emit;
	(void)declared;
	(void)err;
	printf("declared %d %d %" PRIu64 " ", (int)signed_, (int)has_size, size);
	print_text(name, name_n);
	putchar('\n');
	return KITH_OK;
}

enum kith_status kith_emit_expect(struct kith_emit *emit, const char *child, const uint8_t *path,
				  size_t path_n, const struct kith_declared *declared,
				  struct kith_err *err)
{
	(void)emit;
	(void)declared;
	(void)err;
	printf("expect %s ", child);
	print_text(path, path_n);
	putchar('\n');
	return KITH_OK;
}

enum kith_status kith_emit_alive(struct kith_emit *emit, struct kith_err *err)
{
	(void)emit;
	(void)err;
	return KITH_OK;
}

enum kith_status kith_emit_note(struct kith_emit *emit, enum kith_ledger_class class_,
				const char *reason, const void *example, size_t example_n,
				struct kith_err *err)
{
	(void)emit;
	(void)err;
	printf("note %d %s: ", (int)class_, reason);
	print_text(example, example_n);
	putchar('\n');
	return KITH_OK;
}

enum kith_status kith_emit_sibling(struct kith_emit *emit, const char *name,
				   const struct kith_blob **ret, struct kith_err *err)
{
	const char *slash = strrchr(emit->path, '/');
	char path[4096];
	struct stat info;
	int fd;

	if (emit->n_siblings == 64)
		return kith_fail(err, KITH_E_LIMIT, "more than 64 parts");
	(void)snprintf(path, sizeof path, "%.*s%s",
		       slash == NULL ? 0 : (int)(slash + 1 - emit->path), emit->path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) != 0)
		return KITH_NOT_FOUND;
	*ret = &emit->siblings[emit->n_siblings];
	return kith_blob_file(&emit->siblings[emit->n_siblings++], fd, (uint64_t)info.st_size, err);
}

bool kith_emit_is_read(const struct kith_emit *emit, const struct kith_blob *sibling)
{
	(void)emit;
	(void)sibling;
	return true;
}

#ifndef KITH_PRINT_EMIT_ONLY
static const struct kith_container_ops *const containers[] = {
/* Of the rows, those of the worker whose libraries are linked. */
#define KITH_ROW_MAIN(id)
#define KITH_ROW_WIM(id)
#define KITH_ROW_7Z(id)
#if defined(KITH_PRINT_WIM)
#undef KITH_ROW_WIM
#define KITH_ROW_WIM(id) &kith_container_##id,
#elif defined(KITH_PRINT_7Z)
#undef KITH_ROW_7Z
#define KITH_ROW_7Z(id) &kith_container_##id,
#else
#undef KITH_ROW_MAIN
#define KITH_ROW_MAIN(id) &kith_container_##id,
#endif
#define KITH_CONTAINER(id, worker) KITH_ROW_##worker(id)
#include "containers/containers.def"
#undef KITH_CONTAINER
    NULL};

static void emit_done(struct kith_emit *emit)
{
	while (emit->kept != NULL) {
		struct kept *next = emit->kept->next;

		kith_buf_done(&emit->kept->name);
		free(emit->kept);
		emit->kept = next;
	}
	while (emit->n_siblings > 0) {
		(void)close(emit->siblings[--emit->n_siblings].fd);
		kith_blob_done(&emit->siblings[emit->n_siblings]);
	}
	EVP_MD_CTX_free(emit->ctx);
	kith_buf_done(&emit->name);
}

int main(int argc, char **argv)
{
	struct kith_err err = {0};
	struct kith_blob blob;
	struct kith_emit emit = {0};
	struct kith_container_in in = {.blob = &blob, .emit = &emit};
	const struct kith_container_ops *ops = NULL;
	struct stat info;
	size_t i;
	int fd, status = 0;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: container_one FORMAT FILE\n");
		return 2;
	}
	for (i = 1; i < KITH_FORMATS && in.format == KITH_FORMAT_NONE; i++)
		if (strcmp(kith_format_info((enum kith_format)i)->name, argv[1]) == 0)
			in.format = (enum kith_format)i;
	for (i = 0; in.format != KITH_FORMAT_NONE && containers[i] != NULL; i++)
		if (strcmp(kith_format_info(in.format)->container, containers[i]->id) == 0)
			ops = containers[i];
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (ops == NULL || fd < 0 || fstat(fd, &info) != 0) {
		(void)fprintf(stderr, "no such format, container or file\n");
		return 2;
	}
	emit.path = argv[2];
	emit.ctx = EVP_MD_CTX_new();
	in.name = (const uint8_t *)argv[2];
	in.name_n = strlen(argv[2]);
	if (emit.ctx == NULL || kith_blob_file(&blob, fd, (uint64_t)info.st_size, &err) < 0 ||
	    (ops->prepare != NULL && ops->prepare(&err) < 0)) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	emit.blob = &blob;
	if (ops->walk(&in, &err) < 0) {
		printf("failed: %s\n", err.msg);
		status = 1;
	}
	emit_done(&emit);
	kith_blob_done(&blob);
	(void)close(fd);
	return status;
}
#endif
