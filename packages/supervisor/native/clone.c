/*
 * The sentry clones the init: the best kind of tree that can be had here, tried in order.
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const treeNames[] = {"pid-namespace", "user-pid-namespace", "subreaper"};
static const int treeFlags[] = {CLONE_NEWPID | CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, 0};

const char *tree_name(enum tree tree)
{
    return treeNames[tree];
}

/*
 * Makes the next clone a child of another tree: a PID namespace inside that tree's, which the kernel ends together with
 * it, and its mounts. The start time is read after the namespaces were opened, so they are surely that process's.
 */
bool join_tree(struct supervision *supervision)
{
    const struct options *options = supervision->options;
    char path[64];
    uint64_t ticks = 0;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)options->joinPid);
    const int pids = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)options->joinPid);
    supervision->joinMountsFd = open(path, O_RDONLY | O_CLOEXEC);
    bool joined = pids >= 0 && supervision->joinMountsFd >= 0;
    if (joined && (!proc_start_ticks(options->joinPid, &ticks) || ticks != options->joinTicks)) {
        errno = ESRCH;
        joined = false;
    }
    joined = joined && getcwd(supervision->directory, sizeof supervision->directory) != NULL &&
             setns(pids, CLONE_NEWPID) == 0;
    const int error = errno;
    if (pids >= 0)
        close(pids);
    errno = error;
    return joined;
}

static bool write_file(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return written;
}

/* Every id we know maps to itself when we have the right to say so (root in a container), else only our own. */
static bool map_ids(pid_t pid, const char *kind, unsigned own)
{
    char path[64], map[4096] = "", deny[64];
    size_t bytes = 0;
    unsigned inside, outside, count;
    snprintf(path, sizeof path, "/proc/self/%s_map", kind);
    FILE *mine = fopen(path, "re");
    while (mine != NULL && bytes < sizeof map - 48 && fscanf(mine, "%u %u %u", &inside, &outside, &count) == 3)
        bytes += (size_t)snprintf(map + bytes, sizeof map - bytes, "%u %u %u\n", inside, inside, count);
    if (mine != NULL)
        fclose(mine);
    snprintf(path, sizeof path, "/proc/%d/%s_map", (int)pid, kind);
    if (bytes > 0 && write_file(path, map))
        return true;
    snprintf(deny, sizeof deny, "/proc/%d/setgroups", (int)pid);
    snprintf(map, sizeof map, "%u %u 1\n", own, own);
    return (strcmp(kind, "gid") != 0 || write_file(deny, "deny")) && write_file(path, map);
}

/* The other half of bind_to_sentry() in init.c. Bounded, because nobody but the guard could end a wait here. */
static bool let_go(const struct supervision *supervision, pid_t pid)
{
    char armed;
    struct pollfd ready = {supervision->lineFds[0], POLLIN, 0};
    if (poll(&ready, 1, 5000) != 1) {
        errno = ETIMEDOUT;
        return false;
    }
    if (read(supervision->lineFds[0], &armed, 1) != 1) {
        errno = ECHILD; /* it ended */
        return false;
    }
    if (supervision->tree == TREE_USER_PID_NAMESPACE &&
        (!map_ids(pid, "uid", geteuid()) || !map_ids(pid, "gid", getegid())))
        return false;
    return write(supervision->lineFds[0], "G", 1) == 1;
}

static bool make_sockets(struct supervision *supervision)
{
    const int yes = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, supervision->lineFds) != 0)
        return false;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, supervision->pidFds) == 0) {
        if (setsockopt(supervision->pidFds[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) == 0)
            return true;
        close(supervision->pidFds[0]);
        close(supervision->pidFds[1]);
    }
    close(supervision->lineFds[0]);
    close(supervision->lineFds[1]);
    return false;
}

/* The pid of whoever wrote first to the credentials socket, as the kernel translates it for us; -1 when nobody does. */
static pid_t sender_of_first(const struct supervision *supervision)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct ucred credentials = {0};
    struct pollfd ready = {supervision->pidFds[0], POLLIN, 0};
    errno = ETIMEDOUT;
    if (poll(&ready, 1, 5000) != 1 || recvmsg(supervision->pidFds[0], &message, MSG_CMSG_CLOEXEC) <= 0 ||
        control.header.cmsg_type != SCM_CREDENTIALS)
        return -1;
    memcpy(&credentials, CMSG_DATA(&control.header), sizeof credentials);
    return credentials.pid;
}

/*
 * A PID namespace can only be made by a member of its parent, which we are not: a process in between, born into the
 * joined namespace, makes the init a child of ours (CLONE_PARENT) and ends.
 */
static pid_t clone_joined(struct supervision *supervision, char *stackTop)
{
    int how = 0;
    const pid_t between = fork();
    if (between == 0)
        _exit(clone(init_main, stackTop, treeFlags[TREE_PID_NAMESPACE] | CLONE_PARENT | SIGCHLD, supervision) < 0 ? errno : 0);
    if (between < 0)
        return -1;
    while (waitpid(between, &how, 0) < 0 && errno == EINTR)
        ;
    errno = WIFEXITED(how) ? WEXITSTATUS(how) : ECHILD;
    return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? sender_of_first(supervision) : -1;
}

/* The init's pid, or -1 with errno when this kind of tree is not to be had; then nothing of it is left. */
static pid_t try_clone(struct supervision *supervision)
{
    static _Alignas(16) char stack[256 << 10]; /* the child has its own copy: no CLONE_VM */
    if (!make_sockets(supervision))
        return -1;
    const pid_t pid = supervision->joinMountsFd >= 0
                          ? clone_joined(supervision, stack + sizeof stack)
                          : clone(init_main, stack + sizeof stack, treeFlags[supervision->tree] | SIGCHLD, supervision);
    int error = errno;
    close(supervision->lineFds[1]);
    close(supervision->pidFds[1]);
    if (pid > 0) {
        if (let_go(supervision, pid) && fcntl(supervision->lineFds[0], F_SETFL, O_NONBLOCK) == 0)
            return pid;
        error = errno;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close(supervision->lineFds[0]);
    close(supervision->pidFds[0]);
    errno = error;
    return -1;
}

/* -1 when no allowed kind can be had. `refusals` gets the reasons of those that were tried in vain. */
pid_t clone_init(struct supervision *supervision, char *refusals, size_t bytes)
{
    size_t used = 0;
    for (int tree = TREE_PID_NAMESPACE; tree <= TREE_SUBREAPER; tree++) {
        if (!supervision->options->allowed[tree])
            continue;
        supervision->tree = (enum tree)tree;
        errno = ENOENT; /* killing by walking needs a /proc that speaks of our pids */
        const bool possible = tree != TREE_SUBREAPER || (proc_matches() && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
        const pid_t pid = possible ? try_clone(supervision) : -1;
        if (pid > 0)
            return pid;
        const int error = errno;
        const int added = snprintf(refusals + used, bytes - used, "%s%s: %s", used > 0 ? "; " : "", treeNames[tree],
                                   strerror(error));
        used = used + (size_t)added < bytes ? used + (size_t)added : bytes - 1;
        if (error == ETIMEDOUT) /* a machine too busy to answer is no reason for less protection */
            return -1;
    }
    return -1;
}
