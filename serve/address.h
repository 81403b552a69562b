/* SPDX-License-Identifier: Apache-2.0 */
/* address.h: addresses as text, and sockets bound to them. */
#ifndef KITH_SERVE_ADDRESS_H
#define KITH_SERVE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "kith.h"

struct kith_address {
	struct sockaddr_storage at;
	socklen_t n;
};

#define KITH_ADDRESS_SHOWN 80

/* "127.0.0.1:8080", "[::1]:8080"; numbers only, so that nothing is asked of a name server. */
enum kith_status kith_address_parse(const char *text, struct kith_address *ret,
				    struct kith_err *err);
void kith_address_show(const struct kith_address *address, char ret[KITH_ADDRESS_SHOWN]);
/* Whether a port that was named is free. Sockets that may be bound once more do not tell: the
 * system would divide clients between two servers, of which each knows its own sets only. */
enum kith_status kith_address_free(const struct kith_address *address, struct kith_err *err);
/* A socket for it, closed on exec; one of IPv6 is of that alone. -1: errno says why. */
int kith_address_socket(const struct kith_address *address, int type);
/* A socket that listens and may be bound once more; a port 0 becomes a real one in *address. */
enum kith_status kith_address_bind(struct kith_address *address, int *ret_fd, struct kith_err *err);
/* Replaces a socket that nobody listens on any more; nothing else. */
enum kith_status kith_address_bind_unix(const char *path, int *ret_fd, struct kith_err *err);
void kith_address_no_delay(int fd);

/* A socket that whoever started the program opened for it, as systemd does. */
struct kith_inherited {
	int fd;
	char name[32]; /* FileDescriptorName= of systemd.socket; may be empty */
	bool is_stream, is_local;
	char shown[KITH_ADDRESS_SHOWN];
};

/* The i-th of them, prepared for use; KITH_NOT_FOUND: there are no more. KITH_E_ARG: it is none. */
enum kith_status kith_address_inherited(unsigned i, struct kith_inherited *ret,
					struct kith_err *err);

#endif
