/* SPDX-License-Identifier: Apache-2.0 */
/* http.h: HTTP/1.1 on a connection: reads requests, finds their route, writes replies in order. */
#ifndef KITH_SERVE_HTTP_H
#define KITH_SERVE_HTTP_H

#include "net.h"

extern const struct kith_protocol kith_http;

#endif
