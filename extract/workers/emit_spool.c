/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_spool.c: the copy of a pushed container, in a nameless file that the walk makes and hands
 * over. What must hold: never more bytes are written than the walk has granted; a copy that is not
 * whole is dropped and never opened.
 */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "workers/emit_int.h"

/* Asks for so many bytes; the walk notes a refusal. KITH_NOT_FOUND: refused. */
static enum kith_status reserve(struct kith_emit *emit, const struct emit_entry *entry,
				uint64_t bytes, struct kith_err *err)
{
	struct kith_wire answer, m = {.type = KITH_WIRE_SPOOL,
				      .number = bytes,
				      .number2 = emit->spool_id,
				      .name = {entry->name, entry->name_n}};
	enum kith_status st;
	int fd;

	st = emit_ask(emit, &m, &answer, &fd, err);
	if (st < 0)
		return st;
	if (fd >= 0 && emit->spool_fd < 0)
		emit->spool_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	if ((answer.flags & KITH_WIRE_F_YES) == 0 || emit->spool_fd < 0 || answer.number < bytes)
		return KITH_NOT_FOUND;
	emit->spool_granted = answer.number;
	return KITH_OK;
}

void emit_spool_close(struct kith_emit *emit)
{
	if (emit->spool_fd >= 0)
		(void)close(emit->spool_fd);
	emit->spool_fd = -1;
	emit->spool_granted = 0;
}

/* Without a spool it is an entry that is hashed, and is not opened. */
static void give_up(struct kith_emit *emit, struct emit_entry *entry)
{
	emit_spool_close(emit);
	entry->spool = 0;
	entry->format = KITH_FORMAT_NONE;
}

enum kith_status emit_spool_drop(struct kith_emit *emit, struct emit_entry *entry,
				 struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_DROP, .number2 = entry->spool};

	if (entry->spool == 0)
		return KITH_OK;
	give_up(emit, entry);
	return emit_send(emit, &m, err);
}

enum kith_status emit_spool_open(struct kith_emit *emit, struct emit_entry *entry, uint64_t bytes,
				 struct kith_err *err)
{
	enum kith_status st;

	emit->spool_id = ++emit->next_spool;
	st = reserve(emit, entry, bytes, err);
	if (st == KITH_OK)
		entry->spool = emit->spool_id;
	else if (st == KITH_NOT_FOUND)
		give_up(emit, entry);
	return st < 0 ? st : KITH_OK;
}

/* Room up to `end`. KITH_NOT_FOUND: there is none, and the spool is given up. */
static enum kith_status grow(struct kith_emit *emit, struct emit_entry *entry, uint64_t end,
			     struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (end > emit->spool_granted)
		st = reserve(emit, entry, end, err);
	if (st == KITH_NOT_FOUND)
		give_up(emit, entry); /* the walk has dropped it with its refusal */
	return st;
}

enum kith_status emit_spool_write(struct kith_emit *emit, struct emit_entry *entry, uint64_t at,
				  const void *data, size_t n, struct kith_err *err)
{
	struct kith_err fault;
	enum kith_status st;

	if (entry->spool == 0 || n == 0)
		return KITH_OK;
	st = grow(emit, entry, at + n, err);
	if (st != KITH_OK)
		return st < 0 ? st : KITH_OK;
	if (kith_io_pwrite(emit->spool_fd, data, n, at, &fault) >= 0)
		return KITH_OK;
	st = emit_note_item(emit, entry->item, KITH_LEDGER_FAILED,
			    "no room for the copy of a container", entry->name, entry->name_n, err);
	return st < 0 ? st : emit_spool_drop(emit, entry, err);
}

/* Bytes that are never written are zeros; the last one is, so that the file has its size. */
enum kith_status emit_spool_hole(struct kith_emit *emit, struct emit_entry *entry, uint64_t end,
				 struct kith_err *err)
{
	static const uint8_t zero[1];

	return emit_spool_write(emit, entry, end - 1, zero, 1, err);
}
