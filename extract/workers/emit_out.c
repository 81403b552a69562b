/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit_out.c: what a worker tells the walk. What must hold: messages arrive in the order in which
 * they were made; a request leaves with all that came before it; equal notes beyond the first are
 * counted and sent once, so that a million damaged entries cost a few bytes.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "workers/emit_int.h"
#include "workers/packet.h"

/* A packet that is not full leaves after so long: containers in it can be opened meanwhile. */
#define TICK_MS 50

uint64_t emit_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum kith_status kith_emit_flush(struct kith_emit *emit, struct kith_err *err)
{
	enum kith_status st = KITH_OK;

	if (emit->out.n > 2)
		st = kith_packet_send(emit->sock, emit->out.data, emit->out.n, NULL, 0, 1, err);
	if (st >= 0 && !kith_wire_start(&emit->out))
		st = kith_fail_nomem(err);
	emit->sent_ms = emit_now_ms();
	return st;
}

enum kith_status emit_send(struct kith_emit *emit, const struct kith_wire *message,
			   struct kith_err *err)
{
	if (!kith_wire_put(&emit->out, message))
		return kith_fail_nomem(err);
	return emit->careful || emit->out.n >= KITH_PACKET_FULL ? kith_emit_flush(emit, err)
								: KITH_OK;
}

enum kith_status emit_tick(struct kith_emit *emit, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_PROGRESS, .number = emit->bytes};

	if (emit_now_ms() - emit->sent_ms < TICK_MS)
		return KITH_OK;
	if (!kith_wire_put(&emit->out, &m))
		return kith_fail_nomem(err);
	return kith_emit_flush(emit, err);
}

enum kith_status kith_emit_alive(struct kith_emit *emit, struct kith_err *err)
{
	return emit_tick(emit, err);
}

enum kith_status emit_ask(struct kith_emit *emit, const struct kith_wire *message,
			  struct kith_wire *ret, int *ret_fd, struct kith_err *err)
{
	const uint8_t *pos;
	size_t n, n_fds = 0;
	enum kith_status st;

	*ret_fd = -1;
	if (!kith_wire_put(&emit->out, message))
		return kith_fail_nomem(err);
	st = kith_emit_flush(emit, err);
	if (st < 0)
		return st;
	/* the packet that goes out next is empty: its room holds the answer */
	if (kith_buf_room(&emit->out, KITH_PACKET_MAX) == NULL)
		return kith_fail_nomem(err);
	pos = emit->out.data + emit->out.n;
	st = kith_packet_recv(emit->sock, emit->out.data + emit->out.n, KITH_PACKET_MAX, &n, ret_fd,
			      1, &n_fds, 1, err);
	if (st == KITH_END)
		return kith_fail(err, KITH_E_CANCELLED, "the walk has ended");
	if (st < 0)
		return st;
	if (!kith_wire_open(&pos, emit->out.data + emit->out.n + n) ||
	    !kith_wire_get(&pos, emit->out.data + emit->out.n + n, ret) ||
	    ret->type != KITH_WIRE_ANSWER)
		return kith_fail(err, KITH_E_CORRUPT, "an answer that is none");
	emit->sent_ms = emit_now_ms();
	return KITH_OK;
}

enum kith_status kith_emit_over(struct kith_emit *emit, enum kith_status result,
				const char *sentence, struct kith_err *err)
{
	size_t n = strlen(sentence);
	struct kith_wire m = {
	    .type = KITH_WIRE_END,
	    .code = (uint32_t)(result < 0 ? -result : 0),
	    .text = {(const uint8_t *)sentence, n < KITH_WIRE_TEXT ? n : KITH_WIRE_TEXT}};
	enum kith_status st = emit_send(emit, &m, err);

	return st < 0 ? st : kith_emit_flush(emit, err);
}

/* ---------------------------------------------------------------------- notes */

static enum kith_status send_note(struct kith_emit *emit, uint32_t item,
				  enum kith_ledger_class class_, const char *reason, uint64_t count,
				  const void *example, size_t example_n, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_NOTE,
			      .item = item,
			      .code = (uint32_t)class_,
			      .number = count,
			      .text = {(const uint8_t *)reason, strlen(reason)},
			      .name = {example, example_n}};

	if (m.text.n > KITH_WIRE_REASON)
		m.text.n = KITH_WIRE_REASON;
	if (m.name.n > KITH_WIRE_TEXT)
		m.name.n = KITH_WIRE_TEXT;
	return emit_send(emit, &m, err);
}

enum kith_status emit_note_item(struct kith_emit *emit, uint32_t item,
				enum kith_ledger_class class_, const char *reason,
				const void *example, size_t example_n, struct kith_err *err)
{
	struct emit_note *note;
	size_t i;

	if (emit->blob == NULL) /* of files: each belongs to another place */
		return send_note(emit, item, class_, reason, 1, example, example_n, err);
	for (i = 0; i < emit->n_notes; i++) {
		note = &emit->notes[i];
		if (note->class_ == class_ &&
		    strncmp(note->reason, reason, KITH_WIRE_REASON) == 0) {
			note->more++;
			return KITH_OK;
		}
	}
	if (emit->n_notes == EMIT_NOTES) {
		/* the rest have one row between them, of the gravest class */
		note = &emit->notes[EMIT_NOTES - 1];
		note->more++;
		note->class_ = class_ > note->class_ ? class_ : note->class_;
		return KITH_OK;
	}
	note = &emit->notes[emit->n_notes++];
	note->class_ = class_;
	if (emit->n_notes == EMIT_NOTES)
		reason = "other reasons";
	for (i = 0; i < KITH_WIRE_REASON && reason[i] != '\0'; i++)
		note->reason[i] = (char)(reason[i] >= 0x20 && reason[i] < 0x7f ? reason[i] : '?');
	note->reason[i] = '\0';
	note->more = 0;
	return send_note(emit, item, class_, note->reason, 1, example, example_n, err);
}

enum kith_status emit_notes_rest(struct kith_emit *emit, struct kith_err *err)
{
	enum kith_status st = KITH_OK;
	size_t i;

	for (i = 0; i < emit->n_notes && st >= 0; i++)
		if (emit->notes[i].more > 0)
			st = send_note(emit, 0, emit->notes[i].class_, emit->notes[i].reason,
				       emit->notes[i].more, NULL, 0, err);
	emit->n_notes = 0;
	return st;
}

enum kith_status kith_emit_note(struct kith_emit *emit, enum kith_ledger_class class_,
				const char *reason, const void *example, size_t example_n,
				struct kith_err *err)
{
	return emit_note_item(emit, 0, class_, reason, example, example_n, err);
}

/* ---------------------------------------------- what a container says of itself */

enum kith_status kith_emit_fact(struct kith_emit *emit, enum kith_fact fact, unsigned weight,
				const void *text, size_t n, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_FACT,
			      .code = (uint32_t)fact,
			      .number = weight,
			      .name = {text, n < KITH_WIRE_TEXT ? n : KITH_WIRE_TEXT}};

	return n == 0 ? KITH_OK : emit_send(emit, &m, err);
}

enum kith_status kith_emit_kind(struct kith_emit *emit, const char *kind, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_KIND,
			      .text = {(const uint8_t *)kind, strlen(kind)}};

	if (m.text.n > 32)
		m.text.n = 32;
	return emit_send(emit, &m, err);
}

enum kith_status emit_declared_item(struct kith_emit *emit, uint32_t item, const uint8_t *name,
				    size_t name_n, const struct kith_declared *declared,
				    bool has_size, uint64_t size, bool signed_,
				    struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_DECLARED,
			      .item = item,
			      .flags = (has_size ? KITH_WIRE_F_SIZED : 0u) |
				       (signed_ ? KITH_WIRE_F_SIGNED : 0u),
			      .number = has_size ? size : 0,
			      .name = {name, name_n},
			      .declared = *declared};

	if (name_n > KITH_LIMIT_ENTRY_NAME)
		return emit_note_item(emit, item, KITH_LEDGER_FAILED, "a name over the limit", name,
				      KITH_LIMIT_EXAMPLE, err);
	if (++emit->entries > emit->limits.entries)
		return emit_note_item(emit, item, KITH_LEDGER_FAILED, "over the limit of entries",
				      name, name_n, err);
	return emit_send(emit, &m, err);
}

enum kith_status kith_emit_declared(struct kith_emit *emit, const uint8_t *name, size_t name_n,
				    const struct kith_declared *declared, bool has_size,
				    uint64_t size, bool signed_, struct kith_err *err)
{
	return emit_declared_item(emit, 0, name, name_n, declared, has_size, size, signed_, err);
}

enum kith_status kith_emit_expect(struct kith_emit *emit, const char *child, const uint8_t *path,
				  size_t path_n, const struct kith_declared *declared,
				  struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_EXPECT,
			      .text = {(const uint8_t *)child, strlen(child)},
			      .name = {path, path_n},
			      .declared = *declared};

	if (path_n > KITH_LIMIT_ENTRY_NAME || m.text.n > KITH_WIRE_TEXT)
		return kith_emit_note(emit, KITH_LEDGER_FAILED, "a name over the limit", path,
				      path_n < KITH_LIMIT_EXAMPLE ? path_n : KITH_LIMIT_EXAMPLE,
				      err);
	return emit_send(emit, &m, err);
}

/* ------------------------------------------------------------------ siblings */

enum kith_status kith_emit_sibling(struct kith_emit *emit, const char *name,
				   const struct kith_blob **ret, struct kith_err *err)
{
	struct kith_wire m = {.type = KITH_WIRE_SIBLING,
			      .text = {(const uint8_t *)name, strlen(name)}};
	struct kith_extent *extents = NULL;
	struct kith_wire answer;
	struct kith_blob whole;
	enum kith_status st;
	int fd;

	if (emit->n_siblings == EMIT_SIBLINGS)
		return kith_fail(err, KITH_E_LIMIT, "more than %d parts", EMIT_SIBLINGS);
	if (m.text.n > KITH_WIRE_TEXT)
		return KITH_NOT_FOUND;
	st = emit_ask(emit, &m, &answer, &fd, err);
	if (st < 0)
		return st;
	if ((answer.flags & KITH_WIRE_F_YES) == 0 || fd < 0)
		return KITH_NOT_FOUND; /* fd: kept until the process ends */
	extents = calloc(answer.n_extents + 1, sizeof *extents);
	if (extents == NULL)
		return kith_fail_nomem(err);
	kith_wire_extents(&answer, extents);
	st = kith_blob_file(&whole, fd, answer.number, err);
	if (st >= 0)
		st = kith_blob_parts(&emit->siblings[emit->n_siblings], &whole, extents,
				     answer.n_extents, err);
	kith_blob_done(&whole);
	free(extents);
	if (st >= 0) {
		emit->are_read[emit->n_siblings] = (answer.flags & KITH_WIRE_F_READ) != 0;
		*ret = &emit->siblings[emit->n_siblings++];
	}
	return st;
}

bool kith_emit_is_read(const struct kith_emit *emit, const struct kith_blob *sibling)
{
	return emit->are_read[sibling - emit->siblings];
}

#ifdef KITH_TEST_HOOKS
enum kith_status kith_emit_raw(struct kith_emit *emit, const void *data, size_t n)
{
	enum kith_status st = kith_emit_finish(emit, NULL);

	if (st >= 0)
		st = kith_emit_flush(emit, NULL);
	return st < 0 ? st : kith_packet_send(emit->sock, data, n, NULL, 0, 1, NULL);
}
#endif
