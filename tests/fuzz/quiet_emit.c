/* SPDX-License-Identifier: Apache-2.0 */
/* quiet_emit.c: see quiet_emit.h. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz/quiet_emit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

/* A walk ends there with KITH_E_LIMIT, as it does in the program, only sooner: a mutated input may
 * name more than is worth the time. */
#define CALLS_MAX 20000u
#define BYTES_MAX (UINT64_C(64) << 20)

struct kith_emit {
	const struct kith_blob *blob;
	bool open; /* between begin and end */
	unsigned calls;
	uint64_t bytes;
};

static volatile uint8_t sink;

/* Never a plain assert: that would be nothing in a build with NDEBUG. */
static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "quiet_emit: %s\n", what);
	abort();
}

static void touch(const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		sink = (uint8_t)(sink ^ p[i]);
}

static enum kith_status count(struct kith_emit *emit, uint64_t bytes, struct kith_err *err)
{
	emit->bytes += bytes;
	if (++emit->calls > CALLS_MAX || emit->bytes > BYTES_MAX)
		return kith_fail(err, KITH_E_LIMIT, "enough");
	return KITH_OK;
}

static void touch_entry(const struct kith_entry *entry)
{
	must(entry->name != NULL || entry->name_n == 0, "a name that is NULL");
	must(entry->kind <= KITH_ENTRY_OTHER, "a kind that is none");
	touch(entry->name, entry->name_n);
	if (entry->declared != NULL)
		touch(entry->declared, sizeof *entry->declared);
}

enum kith_status kith_emit_begin(struct kith_emit *emit, const struct kith_entry *entry,
				 struct kith_err *err)
{
	must(!emit->open, "begin within an entry");
	touch_entry(entry);
	emit->open = entry->kind != KITH_ENTRY_OTHER;
	return count(emit, 0, err);
}

enum kith_status kith_emit_data(struct kith_emit *emit, const void *data, size_t n,
				struct kith_err *err)
{
	must(emit->open, "data outside of an entry");
	touch(data, n);
	return count(emit, n, err);
}

enum kith_status kith_emit_zeros(struct kith_emit *emit, uint64_t n, struct kith_err *err)
{
	(void)n;
	must(emit->open, "zeros outside of an entry");
	return count(emit, 0, err);
}

enum kith_status kith_emit_end(struct kith_emit *emit, struct kith_err *err)
{
	must(emit->open, "end without begin");
	emit->open = false;
	return count(emit, 0, err);
}

enum kith_status kith_emit_damaged(struct kith_emit *emit, const char *reason, const char *detail,
				   struct kith_err *err)
{
	must(emit->open, "damaged without begin");
	emit->open = false;
	touch(reason, strlen(reason));
	touch(detail, detail == NULL ? 0 : strlen(detail));
	return count(emit, 0, err);
}

enum kith_status kith_emit_in_place(struct kith_emit *emit, const struct kith_entry *entry,
				    const struct kith_extent *extents, size_t n,
				    struct kith_err *err)
{
	struct kith_blob part;
	uint8_t buf[4096];
	size_t got;

	must(!emit->open, "an entry in place within an entry");
	must(entry->kind != KITH_ENTRY_OTHER, "a folder in place");
	touch_entry(entry);
	if (emit->blob->read == NULL && kith_blob_parts(&part, emit->blob, extents, n, NULL) >= 0) {
		if (kith_blob_read_some(&part, 0, buf, sizeof buf, &got, NULL) >= 0)
			touch(buf, got);
		kith_blob_done(&part);
	}
	return count(emit, sizeof buf, err);
}

enum kith_status kith_emit_link(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				const uint8_t *target, size_t target_n, struct kith_err *err)
{
	must(!emit->open, "a link within an entry");
	touch(name, name_n);
	touch(target, target_n);
	return count(emit, 0, err);
}

enum kith_status kith_emit_pull(struct kith_emit *emit, const struct kith_entry *entry,
				enum kith_status (*read)(void *user, void *buf, size_t n,
							 size_t *ret_n, struct kith_err *err),
				void *user, struct kith_err *err)
{
	struct kith_err why = {0};
	uint8_t buf[65536];
	enum kith_status st = kith_emit_begin(emit, entry, err);

	while (st == KITH_OK) {
		size_t got = 0;

		st = read(user, buf, sizeof buf, &got, &why);
		if (st < 0)
			return kith_emit_damaged(emit, "damaged", why.msg, err);
		must(got <= sizeof buf, "more than was asked for");
		if (got == 0)
			return kith_emit_end(emit, err);
		st = kith_emit_data(emit, buf, got, err);
	}
	return st;
}

enum kith_status kith_emit_fact(struct kith_emit *emit, enum kith_fact fact, unsigned weight,
				const void *text, size_t n, struct kith_err *err)
{
	must(fact < KITH_FACTS && weight <= 100, "a fact that is none");
	touch(text, n);
	return count(emit, 0, err);
}

enum kith_status kith_emit_kind(struct kith_emit *emit, const char *kind, struct kith_err *err)
{
	touch(kind, strlen(kind));
	return count(emit, 0, err);
}

enum kith_status kith_emit_declared(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				    const struct kith_declared *declared, bool has_size,
				    uint64_t size, bool signed_, struct kith_err *err)
{
	(void)has_size;
	(void)size;
	(void)signed_;
	touch(name, name_n);
	touch(declared, sizeof *declared);
	return count(emit, 0, err);
}

enum kith_status kith_emit_expect(struct kith_emit *emit, const char *child, const uint8_t *path,
				  size_t path_n, const struct kith_declared *declared,
				  struct kith_err *err)
{
	touch(child, strlen(child));
	touch(path, path_n);
	touch(declared, sizeof *declared);
	return count(emit, 0, err);
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
	must(class_ >= KITH_LEDGER_COUNT && class_ <= KITH_LEDGER_FAILED, "a class that is none");
	touch(reason, strlen(reason));
	touch(example, example_n);
	return count(emit, 0, err);
}

enum kith_status kith_emit_sibling(struct kith_emit *emit, const char *name,
				   const struct kith_blob **ret, struct kith_err *err)
{
	enum kith_status st = count(emit, 0, err);

	(void)ret;
	touch(name, strlen(name));
	return st < 0 ? st : KITH_NOT_FOUND;
}

bool kith_emit_is_read(const struct kith_emit *emit, const struct kith_blob *sibling)
{
	(void)emit;
	(void)sibling;
	return true;
}

struct kith_emit *quiet_emit(void)
{
	static struct kith_emit emit;

	return &emit;
}

const struct kith_blob *quiet_blob(const uint8_t *data, size_t n)
{
	static struct kith_blob blob;
	static int fd = -1;
	size_t at = 0;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 0) == 0, "no file in memory");
	while (at < n) {
		ssize_t put = pwrite(fd, data + at, n - at, (off_t)at);

		must(put > 0, "no file in memory");
		at += (size_t)put;
	}
	kith_blob_done(&blob);
	must(kith_blob_file(&blob, fd, n, NULL) >= 0, "no blob");
	return &blob;
}

enum kith_status quiet_walk(const struct kith_container_ops *ops, enum kith_format format,
			    const char *name, const uint8_t *data, size_t n)
{
	static bool prepared;
	struct kith_emit emit = {.blob = quiet_blob(data, n)};
	struct kith_container_in in = {.blob = emit.blob,
				       .format = format,
				       .name = (const uint8_t *)name,
				       .name_n = strlen(name),
				       .emit = &emit};
	struct kith_err err = {0};
	enum kith_status st;

	if (!prepared && ops->prepare != NULL)
		must(ops->prepare(&err) >= 0, "it cannot be prepared");
	prepared = true;
	st = ops->walk(&in, &err);
	must(st >= 0 || err.msg[0] != 0, "a fault without words");
	must(st < 0 || !emit.open, "an entry that was not ended");
	return st;
}
