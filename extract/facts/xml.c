/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX 256u /* deeper documents are none of ours */

struct scan {
	XML_Parser parser;
	const struct xml_handler *handler;
	void *user;
	unsigned depth;
	uint8_t text[XML_TEXT_MAX];
	size_t text_n;
};

static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon == NULL ? name : colon + 1;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
	struct scan *s = user;

	if (++s->depth > DEPTH_MAX) {
		(void)XML_StopParser(s->parser, XML_FALSE);
		return;
	}
	s->text_n = 0;
	s->handler->start(s->user, s->depth, local_name(name), attributes);
}

static void XMLCALL on_text(void *user, const XML_Char *text, int n)
{
	struct scan *s = user;
	size_t room = sizeof s->text - s->text_n, now = n < 0 ? 0 : (size_t)n;

	if (now > room)
		now = room;
	memcpy(s->text + s->text_n, text, now);
	s->text_n += now;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
	struct scan *s = user;

	s->handler->end(s->user, s->depth, local_name(name),
			(struct kith_bytes){s->text, s->text_n});
	s->text_n = 0;
	s->depth--;
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system,
			       const XML_Char *public, int has_subset)
{
	struct scan *s = user;

	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	(void)XML_StopParser(s->parser, XML_FALSE);
}

bool xml_scan(struct kith_bytes text, const struct xml_handler *handler, void *user)
{
	struct scan s = {.handler = handler, .user = user};
	bool ok;

	if (text.n > INT_MAX)
		return false;
	s.parser = XML_ParserCreate(NULL);
	if (s.parser == NULL)
		return false;
	XML_SetUserData(s.parser, &s);
	XML_SetElementHandler(s.parser, on_start, on_end);
	XML_SetCharacterDataHandler(s.parser, on_text);
	XML_SetStartDoctypeDeclHandler(s.parser, on_doctype);
	ok = XML_Parse(s.parser, (const char *)text.data, (int)text.n, 1) == XML_STATUS_OK;
	XML_ParserFree(s.parser);
	return ok;
}

struct kith_bytes xml_attribute(const char **attributes, const char *name)
{
	size_t i;

	for (i = 0; attributes[i] != NULL; i += 2)
		if (strcmp(local_name(attributes[i]), name) == 0)
			return (struct kith_bytes){(const uint8_t *)attributes[i + 1],
						   strlen(attributes[i + 1])};
	return (struct kith_bytes){NULL, 0};
}
