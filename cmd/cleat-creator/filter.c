//go:build linux && seccomp

// The linker puts the two functions named __wrap_… in the place of libseccomp's (see LDFLAGS in filter_seccomp.go). Should
// it not, everything is compiled at every start: slower, and nothing else.

#include "filter.h"

#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_seccomp_rule_add_array(scmp_filter_ctx, uint32_t, int, unsigned int, const struct scmp_arg_cmp *);
int __real_seccomp_export_bpf(const scmp_filter_ctx, int);

static int filter = -1; // the memfd; -1 outside of init
static int known;       // the program is in it

void cleat_use_filter(int memfd)
{
	struct stat st;

	if (fstat(memfd, &st) < 0)
		return;
	filter = memfd;
	known = st.st_size > 0;
}

// The rules are in the program already.
int __wrap_seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int count, const struct scmp_arg_cmp *args)
{
	if (known)
		return 0;
	return __real_seccomp_rule_add_array(ctx, action, syscall, count, args);
}

static int copy(int from, int to)
{
	char buf[4096];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(from, buf, sizeof(buf), at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		at += n;
		for (ssize_t done = 0; done < n;) {
			ssize_t k = write(to, buf + done, n - done);
			if (k < 0 && errno == EINTR)
				continue;
			if (k < 0)
				return -errno;
			done += k;
		}
	}
}

int __wrap_seccomp_export_bpf(const scmp_filter_ctx ctx, int fd)
{
	int rc;

	if (filter < 0)
		return __real_seccomp_export_bpf(ctx, fd);
	if (!known) {
		rc = __real_seccomp_export_bpf(ctx, filter);
		if (rc < 0) {
			if (ftruncate(filter, 0) < 0)
				return -errno;
			return rc;
		}
	}
	return copy(filter, fd);
}
