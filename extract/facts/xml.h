/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xml.h: the elements of an XML text, through expat. Names are without their prefix: the few
 * vocabularies that are read do not clash. A document type is refused, so that no entity of a
 * document is ever expanded.
 */
#ifndef KITH_EXTRACT_XML_H
#define KITH_EXTRACT_XML_H

#include <stdbool.h>

#include "kith.h"

struct xml_handler {
	/* attributes: name, value, name, value, ..., NULL. depth: 1 for the root. */
	void (*start)(void *user, unsigned depth, const char *name, const char **attributes);
	/* text: of this element alone, as much of it as XML_TEXT_MAX. */
	void (*end)(void *user, unsigned depth, const char *name, struct kith_bytes text);
};

#define XML_TEXT_MAX ((size_t)1024)

/* False when it is no XML; what was before the fault was told. */
bool xml_scan(struct kith_bytes text, const struct xml_handler *handler, void *user);

/* The value of an attribute, or an empty text. */
struct kith_bytes xml_attribute(const char **attributes, const char *name);

#endif
