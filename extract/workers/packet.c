/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.c: what must hold: no descriptor that arrives is lost or stays open by accident, and no
 * signal is raised for a peer that has died.
 */
#define _GNU_SOURCE
#include "workers/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "workers/wire.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(KITH_PACKET_FDS * sizeof(int))];
};

enum kith_status kith_packet_pair(int ret_socks[2], struct kith_err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_socks) != 0)
		return kith_fail_errno(err, errno, "making a socket");
	return KITH_OK;
}

enum kith_status kith_packet_send(int sock, const void *data, size_t n, const int *fds,
				  size_t n_fds, int wait, struct kith_err *err)
{
	union control control;
	struct iovec part;
	struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;
	void *bytes;
	ssize_t sent;

	if (n_fds > KITH_PACKET_FDS)
		return kith_fail(err, KITH_E_ARG, "%zu descriptors in a packet", n_fds);
	memcpy(&bytes, &data, sizeof bytes); /* sendmsg() does not write there */
	part.iov_base = bytes;
	part.iov_len = n;
	if (n_fds > 0) {
		memset(&control, 0, sizeof control);
		head.msg_control = control.bytes;
		head.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&head);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do {
		sent = sendmsg(sock, &head, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno == EAGAIN)
		return kith_fail(err, KITH_E_BUSY, "it does not read what it is sent");
	if (sent < 0)
		return kith_fail_errno(err, errno, "sending a packet");
	return KITH_OK;
}

/* Copies the descriptors of a packet; those for which there is no room are closed. */
static bool take_fds(struct msghdr *head, int *fds, size_t cap, size_t *ret_n)
{
	struct cmsghdr *c;
	bool all = true;

	*ret_n = 0;
	for (c = CMSG_FIRSTHDR(head); c != NULL; c = CMSG_NXTHDR(head, c)) {
		size_t i, n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (*ret_n < cap) {
				fds[(*ret_n)++] = fd;
			} else {
				(void)close(fd);
				all = false;
			}
		}
	}
	return all;
}

enum kith_status kith_packet_recv(int sock, void *buf, size_t cap, size_t *ret_n, int *fds,
				  size_t cap_fds, size_t *ret_n_fds, int wait, struct kith_err *err)
{
	union control control;
	struct iovec part = {.iov_base = buf, .iov_len = cap};
	struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
	size_t n_fds = 0;
	bool all = true;
	ssize_t got;

	if (cap_fds > 0) { /* without a buffer the kernel drops what is sent */
		head.msg_control = control.bytes;
		head.msg_controllen = sizeof control.bytes;
	}
	do {
		got = recvmsg(sock, &head, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return KITH_NOT_FOUND;
	if (got < 0 && errno == ECONNRESET)
		return KITH_END;
	if (got < 0)
		return kith_fail_errno(err, errno, "receiving a packet");
	if (cap_fds > 0)
		all = take_fds(&head, fds, cap_fds, &n_fds);
	if (ret_n_fds != NULL)
		*ret_n_fds = n_fds;
	*ret_n = (size_t)got;
	if (got == 0 && n_fds == 0)
		return KITH_END;
	if (!all || (head.msg_flags & (MSG_TRUNC | (cap_fds > 0 ? MSG_CTRUNC : 0))) != 0) {
		while (n_fds > 0)
			(void)close(fds[--n_fds]);
		if (ret_n_fds != NULL)
			*ret_n_fds = 0;
		return kith_fail(err, KITH_E_CORRUPT, "a packet that is too long");
	}
	return KITH_OK;
}
