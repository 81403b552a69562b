/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsrlsvr.h: the protocol of nsrlsvr, for nsrllookup and plaso. One line, one answer, sent at once:
 *
 *   Version: ANYTHING    OK
 *   QUERY HASH...        OK 0110...   a digit for each: 1 known or trivial, 0 not
 *   STATUS               OK N hashes in M sets
 *   UPSHIFT, DOWNSHIFT   NOT OK
 *   BYE                  (the connection is closed)
 *
 * Words in any case, hashes MD5, SHA-1 or SHA-256. What is not understood, a word that is no hash,
 * or a hash of a kind that no set has an index of (which is not a miss), is answered NOT OK, and
 * the connection stays. A line over KITH_LIMIT_SERVE_LINE or a blank one closes it.
 */
#ifndef KITH_SERVE_NSRLSVR_H
#define KITH_SERVE_NSRLSVR_H

#include "net.h"

extern const struct kith_protocol kith_nsrlsvr;

#endif
