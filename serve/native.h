/* SPDX-License-Identifier: Apache-2.0 */
/* native.h: what the files of this dialect share. */
#ifndef KITH_SERVE_NATIVE_H
#define KITH_SERVE_NATIVE_H

#include "dialect.h"

extern const struct kith_stream_ops kith_native_names; /* GET /v1/names/<name> */

#endif
