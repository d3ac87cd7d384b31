/*
 * The lock on the volume. A child opens and locks the file, because that can hang; the init only receives the
 * descriptor, and the lock belongs to the open file description, so it outlives the child.
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* No errno: EWOULDBLOCK is also what open() says of a leased file, and fork() of a user with too many processes. */
enum { HELD = -1 };

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* O_NONBLOCK against a FIFO in its place; no O_CREAT: a missing claim file is a finding, not a wish. */
static int open_locked(const char *path)
{
    struct stat stat;
    const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &stat) != 0)
        return -1;
    if (!S_ISREG(stat.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    errno = errno == EWOULDBLOCK ? HELD : errno;
    return -1;
}

/* One message: errno (0 = locked) or HELD, and, when locked, the descriptor. Ends with its parent, as the rest of the tree. */
static void claim_in_child(const struct supervision *supervision, pid_t parent, int replyFd, const char *path)
{
    if (!die_with_parent(supervision, parent))
        _exit(1);
    const int fd = open_locked(path);
    int error = fd < 0 ? errno : 0;
    struct iovec data = {&error, sizeof error};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    union control control = {0};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    _exit(sendmsg(replyFd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof error ? 0 : 1);
}

static void answer(struct channel *to, int error)
{
    if (error == 0)
        channel_send(to, ORDINARY, "claim ok\n");
    else if (error == HELD)
        channel_send(to, ORDINARY, "claim held\n");
    else
        channel_send(to, ORDINARY, "claim error %d %s\n", error, encode(strerror(error)));
}

void claim_begin(struct claim *claim, const struct supervision *supervision, const char *path, struct channel *to)
{
    int ends[2];
    if (claim->fd >= 0 || claim->replyFd >= 0) {
        answer(to, EBUSY);
        return;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        answer(to, errno);
        return;
    }
    const pid_t parent = getpid();
    claim->child = fork();
    if (claim->child == 0)
        claim_in_child(supervision, parent, ends[1], path);
    const int error = errno;
    close(ends[1]);
    if (claim->child < 0) {
        close(ends[0]);
        answer(to, error);
        return;
    }
    setpgid(claim->child, claim->child);
    claim->replyFd = ends[0];
}

/* Call when replyFd is readable. */
void claim_finish(struct claim *claim, struct channel *to)
{
    int error = ECHILD; /* the child ended without an answer */
    union control control = {0};
    struct iovec data = {&error, sizeof error};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    const ssize_t got = recvmsg(claim->replyFd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof claim->fd))
        memcpy(&claim->fd, CMSG_DATA(header), sizeof claim->fd);
    else if (error == 0)
        error = EMFILE; /* locked, but the descriptor could not be received; it is closed and unlocked by now */
    close(claim->replyFd);
    claim->replyFd = -1;
    answer(to, error);
}

/* Closes our copy; processes that inherited it keep the lock. A claim under way is abandoned. */
void claim_drop(struct claim *claim, struct channel *to)
{
    if (claim->replyFd >= 0) {
        if (claim->child > 0)
            kill(claim->child, SIGKILL);
        close(claim->replyFd);
        claim->replyFd = -1;
        answer(to, ECANCELED);
    }
    if (claim->fd >= 0)
        close(claim->fd);
    claim->fd = -1;
}
