/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats.h: the formats as workers and walk see them: those of formats.def, and in builds with
 * KITH_TEST_HOOKS one more, whose content tells a worker how to misbehave (misbehave.c).
 */
#ifndef KITH_EXTRACT_WORKER_FORMATS_H
#define KITH_EXTRACT_WORKER_FORMATS_H

#include "detect/detect.h"

enum kith_format kith_worker_detect(const struct kith_peek *peek);
/* NULL: there is no such format. */
const struct kith_format_info *kith_worker_format(uint32_t format);

#ifdef KITH_TEST_HOOKS
#define KITH_MISBEHAVE_MAGIC "kith misbehaves\n"
#endif

#endif
