/* SPDX-License-Identifier: Apache-2.0 */
/* p7zip_com.c: 7z.so as a library. Everything is looked up before the worker is locked in. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/utf.h"
#include "containers/p7zip.h"

#define HANDLER_NAME     0u /* of GetHandlerProperty2 */
#define HANDLER_CLASS    1u
#define MODULE_INTERFACE 0u /* of GetModuleProp */
#define MODULE_VERSION   1u
#define VERSION_MIN      (23u << 16) /* the first whose Linux library has the fixed interface */

/* {23170F69-40C1-278A-0000-00GG00SS0000}: group and number of an interface. */
#define IID(group, number)                                                                   \
	{                                                                                    \
		{                                                                            \
			0x69, 0x0f, 0x17, 0x23, 0xc1, 0x40, 0x8a, 0x27, 0, 0, 0, (group), 0, \
			    (number), 0, 0                                                   \
		}                                                                            \
	}
static const struct sz_guid iid_in_stream = IID(3, 0x03);
static const struct sz_guid iid_sequential_in = IID(3, 0x01);
static const struct sz_guid iid_get_stream = IID(6, 0x40);
static const struct sz_guid iid_archive = IID(6, 0x60);
static const struct sz_guid iid_unknown = {{0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46}};

struct library {
	void *handle;
	int32_t (*create)(const struct sz_guid *class_, const struct sz_guid *iid, void **ret);
	int32_t (*count)(uint32_t *ret);
	int32_t (*handler)(uint32_t format, uint32_t id, struct sz_value *ret);
	bool frees; /* the layout of its strings is known, so that they can be freed */
};
static struct library library;

/* ----------------------------------------------------------------------- values */

void sz_value_done(struct sz_value *value)
{
	if (value->vt == SZ_VT_BSTR && value->u.text != NULL && library.frees)
		free((uint8_t *)(void *)value->u.text - sizeof(uint32_t));
	memset(value, 0, sizeof *value);
}

/* A string's allocation begins with its length; seen of one whose length is known. */
static bool is_string_known(const struct sz_value *value, size_t units)
{
	const uint8_t *base = (const uint8_t *)(const void *)value->u.text - sizeof(uint32_t);
	uint32_t n;

	if ((uintptr_t)base % (2 * sizeof(void *)) != 0) /* malloc gives no such address */
		return false;
	memcpy(&n, base, sizeof n);
	return n == units * sizeof(wchar_t);
}

static bool add_text(struct kith_buf *out, const wchar_t *text)
{
	for (; *text != 0; text++) {
		uint32_t c = (uint32_t)*text;

		if (!kith_utf8_add(out, c > 0x10ffff ? 0xfffd : c))
			return false;
	}
	return true;
}

bool sz_item_text(struct sz_archive *archive, uint32_t item, uint32_t id, struct kith_buf *ret)
{
	struct sz_value value = {0};
	bool ok;

	ret->n = 0;
	ok = archive->vt->property(archive, item, id, &value) == SZ_OK && value.vt == SZ_VT_BSTR &&
	     value.u.text != NULL && add_text(ret, value.u.text);
	sz_value_done(&value);
	return ok;
}

static bool number_of(struct sz_value *value, uint64_t *ret)
{
	bool ok = true;

	switch (value->vt) {
	case SZ_VT_BOOL: *ret = value->u.truth != 0; break;
	case SZ_VT_UI4: *ret = value->u.u32; break;
	case SZ_VT_UI8: *ret = value->u.u64; break;
	default: ok = false; break;
	}
	sz_value_done(value);
	return ok;
}

bool sz_item_number(struct sz_archive *archive, uint32_t item, uint32_t id, uint64_t *ret)
{
	struct sz_value value = {0};

	return archive->vt->property(archive, item, id, &value) == SZ_OK && number_of(&value, ret);
}

uint64_t sz_archive_number(struct sz_archive *archive, uint32_t id)
{
	struct sz_value value = {0};
	uint64_t n = 0;

	if (archive->vt->archive_property(archive, id, &value) != SZ_OK || !number_of(&value, &n))
		return 0;
	return n;
}

/* ---------------------------------------------------------------------- loading */

static void *symbol(const char *name)
{
	return dlsym(library.handle, name);
}

/* A function from a symbol: ISO C has no such conversion, POSIX does. */
#define TAKE(to, name)                                   \
	do {                                             \
		void *address = symbol(name);            \
		memcpy(&(to), &address, sizeof address); \
	} while (0)

static bool check_module(struct kith_err *err)
{
	int32_t (*module)(uint32_t id, struct sz_value * ret) = NULL;
	struct sz_value interface = {0}, version = {0};

	TAKE(library.create, "CreateObject");
	TAKE(library.count, "GetNumberOfFormats");
	TAKE(library.handler, "GetHandlerProperty2");
	TAKE(module, "GetModuleProp"); /* not in the old p7zip, whose objects are others */
	if (library.create == NULL || library.count == NULL || library.handler == NULL ||
	    module == NULL || module(MODULE_INTERFACE, &interface) != SZ_OK ||
	    module(MODULE_VERSION, &version) != SZ_OK || interface.vt != SZ_VT_UI4 ||
	    interface.u.u32 != 0 || version.vt != SZ_VT_UI4 || version.u.u32 < VERSION_MIN) {
		(void)kith_fail(err, KITH_E_UNSUPPORTED,
				"the 7z.so that is installed has another interface");
		return false;
	}
	return true;
}

enum kith_status sz_load(struct kith_err *err)
{
	static const char *const paths[] = {"/usr/lib/p7zip/7z.so", "/usr/lib/7zip/7z.so"};
	struct sz_value name = {0};
	size_t i;

	for (i = 0; i < sizeof paths / sizeof paths[0] && library.handle == NULL; i++)
		library.handle = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
	if (library.handle == NULL)
		return kith_fail(err, KITH_E_UNSUPPORTED,
				 "the Debian package p7zip-full is not installed");
	if (library.create != NULL)
		return KITH_OK;
	if (!check_module(err)) {
		library.create = NULL;
		return KITH_E_UNSUPPORTED;
	}
	if (library.handler(0, HANDLER_NAME, &name) == SZ_OK && name.vt == SZ_VT_BSTR &&
	    name.u.text != NULL)
		library.frees = is_string_known(&name, wcslen(name.u.text));
	sz_value_done(&name);
	return KITH_OK;
}

static bool is_named(uint32_t format, const char *name)
{
	struct sz_value value = {0};
	bool same = false;
	size_t i;

	if (library.handler(format, HANDLER_NAME, &value) == SZ_OK && value.vt == SZ_VT_BSTR &&
	    value.u.text != NULL) {
		for (i = 0; name[i] != '\0' && value.u.text[i] == (wchar_t)name[i]; i++)
			;
		same = name[i] == '\0' && value.u.text[i] == 0;
	}
	sz_value_done(&value);
	return same;
}

enum kith_status sz_archive_new(const char *format, struct sz_archive **ret, struct kith_err *err)
{
	struct sz_value class_ = {0};
	struct sz_guid guid;
	uint32_t i, n = 0;
	void *made = NULL;
	bool found = false;

	if (library.create == NULL)
		return kith_fail(err, KITH_E_ARG, "not prepared");
	if (library.count(&n) != SZ_OK)
		n = 0;
	for (i = 0; i < n && !found; i++) {
		if (!is_named(i, format) || library.handler(i, HANDLER_CLASS, &class_) != SZ_OK ||
		    class_.vt != SZ_VT_BSTR || class_.u.text == NULL)
			continue;
		memcpy(&guid, class_.u.text, sizeof guid); /* 16 raw bytes */
		sz_value_done(&class_);
		found = true;
	}
	if (!found || library.create(&guid, &iid_archive, &made) != SZ_OK || made == NULL)
		return kith_fail(err, KITH_E_UNSUPPORTED, "7z.so does not read the format %s",
				 format);
	*ret = made;
	return KITH_OK;
}

struct sz_in_stream *sz_item_stream(struct sz_archive *archive, uint32_t item)
{
	struct sz_unknown *unknown = (struct sz_unknown *)(void *)archive, *sequential = NULL;
	void *getter = NULL, *stream = NULL;
	struct sz_get_stream *get;

	if (unknown->vt->query(unknown, &iid_get_stream, &getter) != SZ_OK || getter == NULL)
		return NULL;
	get = getter;
	if (get->vt->get(get, item, &sequential) == SZ_OK && sequential != NULL) {
		if (sequential->vt->query(sequential, &iid_in_stream, &stream) != SZ_OK)
			stream = NULL;
		(void)sequential->vt->release(sequential);
	}
	(void)get->vt->unknown.release(getter);
	return stream;
}

/* ------------------------------------------------------------------ our objects */

uint32_t sz_own_count(struct sz_unknown *self)
{
	(void)self;
	return 1;
}

int32_t sz_own_query(struct sz_unknown *self, const struct sz_guid *iid, void **ret)
{
	*ret = NULL;
	if (memcmp(iid, &iid_unknown, sizeof *iid) != 0)
		return SZ_NOINTERFACE; /* such as that for passwords */
	*ret = self;
	return SZ_OK;
}

static int32_t query_stream(struct sz_unknown *self, const struct sz_guid *iid, void **ret)
{
	if (memcmp(iid, &iid_in_stream, sizeof *iid) != 0 &&
	    memcmp(iid, &iid_sequential_in, sizeof *iid) != 0)
		return sz_own_query(self, iid, ret);
	*ret = self;
	return SZ_OK;
}

static int32_t read_blob(struct sz_in_stream *self, void *data, uint32_t n, uint32_t *ret_n)
{
	struct sz_blob_stream *stream = (struct sz_blob_stream *)(void *)self;
	size_t got = 0;

	if (ret_n != NULL)
		*ret_n = 0;
	if (kith_blob_read_some(stream->blob, stream->from + stream->pos, data, n, &got, NULL) < 0)
		return SZ_FAIL;
	stream->pos += got;
	if (ret_n != NULL)
		*ret_n = (uint32_t)got;
	return SZ_OK;
}

static int32_t seek_blob(struct sz_in_stream *self, int64_t offset, uint32_t origin,
			 uint64_t *ret_pos)
{
	struct sz_blob_stream *stream = (struct sz_blob_stream *)(void *)self;
	uint64_t from = origin == 0   ? 0
			: origin == 1 ? stream->pos
				      : stream->blob->size - stream->from;
	int64_t to;

	if (origin > 2 || __builtin_add_overflow((int64_t)from, offset, &to) || to < 0 ||
	    (uint64_t)to > UINT64_MAX - stream->from)
		return SZ_INVALIDARG;
	stream->pos = (uint64_t)to;
	if (ret_pos != NULL)
		*ret_pos = stream->pos;
	return SZ_OK;
}

void sz_blob_stream_init(struct sz_blob_stream *stream, const struct kith_blob *blob, uint64_t from)
{
	static const struct sz_in_stream_vt vt = {
	    {query_stream, sz_own_count, sz_own_count}, read_blob, seek_blob};

	stream->stream.vt = &vt;
	stream->blob = blob;
	stream->from = from;
	stream->pos = 0;
}
