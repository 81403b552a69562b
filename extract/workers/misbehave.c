/* SPDX-License-Identifier: Apache-2.0 */
/*
 * misbehave.c: in builds with KITH_TEST_HOOKS only: a container whose lines tell its worker what to
 * do wrong, so that tests see what the walk makes of it. Each line is a command and an argument.
 */
#ifdef KITH_TEST_HOOKS
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "containers/container.h"
#include "workers/emit.h"
#include "workers/formats.h"

extern const struct kith_container_ops kith_container_misbehave;

static enum kith_status emit_text(struct kith_emit *emit, const char *name, const char *text,
				  size_t n, struct kith_err *err)
{
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE,
				   .name = (const uint8_t *)name,
				   .name_n = strlen(name),
				   .may_be_linked = true};
	enum kith_status st = kith_emit_begin(emit, &entry, err);

	if (st == KITH_OK)
		st = kith_emit_data(emit, text, n, err);
	if (st == KITH_OK)
		st = kith_emit_end(emit, err);
	return st;
}

/* Takes all memory that it gets. */
static enum kith_status allocate(struct kith_err *err)
{
	for (;;) {
		volatile char *p = malloc((size_t)16 << 20);

		if (p == NULL)
			return kith_fail_nomem(err);
		p[0] = 1;
	}
}

static enum kith_status try_open(struct kith_emit *emit, struct kith_err *err)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	return kith_emit_note(emit, KITH_LEDGER_COUNT,
			      fd >= 0 ? "a file was opened" : "no file was opened", NULL, 0, err);
}

/* Writes n bytes of a kind as one entry, without saying how many. */
static enum kith_status emit_many(struct kith_emit *emit, uint64_t n, bool holes,
				  struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE, .name = (const uint8_t *)"many", .name_n = 4, .sparse = holes};
	static char text[65536];
	enum kith_status st = kith_emit_begin(emit, &entry, err);

	memset(text, 'm', sizeof text);
	while (st == KITH_OK && n > 0) {
		uint64_t now = n < sizeof text ? n : sizeof text;

		st = holes ? kith_emit_zeros(emit, n, err)
			   : kith_emit_data(emit, text, (size_t)now, err);
		n -= holes ? n : now;
	}
	return st == KITH_OK ? kith_emit_end(emit, err) : st;
}

/* A copy of the container, as an entry of it. */
static enum kith_status emit_self(const struct kith_container_in *in, struct kith_err *err)
{
	struct kith_entry entry = {.kind = KITH_ENTRY_FILE, .name = in->name, .name_n = in->name_n};
	struct kith_extent all = {0, in->blob->size};

	return kith_emit_in_place(in->emit, &entry, &all, 1, err);
}

/* The rest of the container is an entry: in place, or pushed. */
static enum kith_status emit_rest(const struct kith_container_in *in, const char *name, uint64_t at,
				  bool push, struct kith_err *err)
{
	struct kith_entry entry = {
	    .kind = KITH_ENTRY_FILE, .name = (const uint8_t *)name, .name_n = strlen(name)};
	struct kith_extent rest = {at, in->blob->size - at};
	char *text;
	enum kith_status st;

	if (!push)
		return kith_emit_in_place(in->emit, &entry, &rest, 1, err);
	text = malloc((size_t)rest.bytes + 1);
	if (text == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(in->blob, at, text, (size_t)rest.bytes, err);
	if (st >= 0)
		st = emit_text(in->emit, name, text, (size_t)rest.bytes, err);
	free(text);
	return st;
}

static enum kith_status sibling(struct kith_emit *emit, const char *name, struct kith_err *err)
{
	const struct kith_blob *blob;
	char text[4096];
	size_t n = 0;
	enum kith_status st = kith_emit_sibling(emit, name, &blob, err);

	if (st == KITH_NOT_FOUND)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "no sibling", name, strlen(name),
				      err);
	if (st >= 0)
		st = kith_blob_read_some(blob, 0, text, sizeof text, &n, err);
	return st < 0 ? st : emit_text(emit, "what the sibling has", text, n, err);
}

static enum kith_status expect(struct kith_emit *emit, char *argument, struct kith_err *err)
{
	struct kith_declared declared = {.has_md5 = true};
	char *path = strchr(argument, ' ');

	memset(declared.md5, 0x11, sizeof declared.md5);
	if (path == NULL)
		return KITH_OK;
	*path++ = '\0';
	return kith_emit_expect(emit, argument, (const uint8_t *)path, strlen(path), &declared,
				err);
}

static enum kith_status act(const struct kith_container_in *in, char *line, uint64_t next,
			    bool *stop, struct kith_err *err)
{
	struct kith_emit *emit = in->emit;
	char *argument = strchr(line, ' ');
	uint64_t n;

	if (argument == NULL)
		argument = line + strlen(line);
	else
		*argument++ = '\0';
	n = strtoull(argument, NULL, 10);
	if (strcmp(line, "file") == 0)
		return emit_text(emit, argument, argument, strlen(argument), err);
	if (strcmp(line, "link") == 0)
		return kith_emit_link(emit, (const uint8_t *)"a link", 6, (const uint8_t *)argument,
				      strlen(argument), err);
	if (strcmp(line, "rest") == 0 || strcmp(line, "pushed") == 0) {
		*stop = true;
		return emit_rest(in, argument, next, line[0] == 'p', err);
	}
	if (strcmp(line, "part") == 0) { /* part LENGTH: the next bytes, as a container's */
		struct kith_entry entry = {
		    .kind = KITH_ENTRY_FILE, .name = (const uint8_t *)line, .name_n = 4};
		struct kith_extent part = {next, n};

		return kith_emit_in_place(emit, &entry, &part, 1, err);
	}
	if (strcmp(line, "self") == 0)
		return emit_self(in, err);
	if (strcmp(line, "bytes") == 0 || strcmp(line, "holes") == 0)
		return emit_many(emit, n, line[0] == 'h', err);
	if (strcmp(line, "sibling") == 0)
		return sibling(emit, argument, err);
	if (strcmp(line, "expect") == 0)
		return expect(emit, argument, err);
	if (strcmp(line, "open") == 0)
		return try_open(emit, err);
	if (strcmp(line, "corrupt") == 0)
		return kith_fail(err, KITH_E_CORRUPT, "it says so");
	if (strcmp(line, "allocate") == 0)
		return allocate(err);
	if (strcmp(line, "raw") == 0)
		return kith_emit_raw(emit, argument, strlen(argument));
	if (kith_emit_flush(emit, err) < 0)
		return KITH_E_IO;
	if (strcmp(line, "crash") == 0)
		/* cppcheck-suppress unreachableCode */
		(void)raise(SIGSEGV), abort();
	if (strcmp(line, "exit") == 0)
		_exit(0);
	if (strcmp(line, "connect") == 0)
		(void)socket(AF_INET, SOCK_STREAM, 0);
	if (strcmp(line, "spin") == 0)
		for (;;)
			;
	return KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	size_t n = in->blob->size < 65536 ? (size_t)in->blob->size : 65536;
	char *text = calloc(1, n + 1), *line, *end;
	enum kith_status st;
	bool stop = false;

	if (text == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(in->blob, 0, text, n, err);
	line = text + strlen(KITH_MISBEHAVE_MAGIC);
	for (; st >= 0 && !stop && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		st = act(in, line, (uint64_t)(end + 1 - text), &stop, err);
	}
	free(text);
	return st < 0 ? st : KITH_OK;
}

const struct kith_container_ops kith_container_misbehave = {.id = "misbehave", .walk = walk};
#endif
