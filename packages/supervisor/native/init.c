/*
 * The init: PID 1 of the tree (or its subreaper). Binds itself to the sentry, starts what the guard asks for
 * (children.c), reaps, reports. It never opens a path on a volume and never waits for anything but poll().
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct supervision *supervision;
static struct channel sentry;
static int childFd = -1, timerFd = -1;

/* Reaps all that has ended, orphans of the tree included. False when no child is left at all. */
static bool reap(void)
{
    bool applicationEnded = false, some = true;
    for (;;) {
        int how;
        const pid_t pid = waitpid(-1, &how, WNOHANG);
        if (pid <= 0) {
            some = pid == 0 || errno != ECHILD;
            break;
        }
        applicationEnded = children_reaped(pid, how) || applicationEnded;
    }
    if (applicationEnded) {
        const int left = tree_count();
        /* Without /proc all that can be told is whether anything is left. */
        channel_send(&sentry, ESSENTIAL, "left %d\n", left >= 0 ? left : some ? 1 : 0);
    }
    return some;
}

/*
 * Slave propagation: unmounts outside still reach us, so that the tree does not pin what others detach; mounts made
 * by steps stay inside and vanish with the tree. If "/" is no mount point (chroot), /proc is left alone, too.
 */
static bool isolate_mounts(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 && supervision->options->mountProc &&
           mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* The other tree's mounts as they are now, in a namespace of our own. Before any path is opened for the application. */
static bool enter_joined_mounts(void)
{
    if (supervision->joinMountsFd < 0)
        return true;
    return setns(supervision->joinMountsFd, CLONE_NEWNS) == 0 && unshare(CLONE_NEWNS) == 0 &&
           close(supervision->joinMountsFd) == 0 && (chdir(supervision->directory) == 0 || chdir("/") == 0);
}

/*
 * The sentry answers our 'A' only after the death signal was asked for, so from its answer on its death cannot be
 * missed. Without a PID namespace the signal is SIGCONT: SIGKILL would leave daemons behind, whereas this wakes us
 * even when we were stopped, we find the socket closed, and kill the tree.
 */
static void bind_to_sentry(void)
{
    char go;
    const bool subreaper = supervision->tree == TREE_SUBREAPER;
    if (prctl(PR_SET_PDEATHSIG, subreaper ? SIGCONT : SIGKILL) != 0 ||
        (subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) || write(sentry.fd, "A", 1) != 1 ||
        read(sentry.fd, &go, 1) != 1)
        _exit(EXIT_INTERNAL);
}

static void close_sentry_side(void)
{
    close(supervision->options->controlFd);
    close(supervision->lineFds[0]);
    close(supervision->pidFds[0]);
    close(supervision->timerFd);
    close(supervision->childFd);
}

/* Subreaper only, and for good: at the deadline, when told, or when the sentry is gone. Other trees the kernel ends. */
static void kill_until_gone(void)
{
    for (int waitMs = 5;; waitMs = waitMs < 200 ? waitMs * 2 : waitMs) {
        tree_kill(0);
        if (!reap())
            _exit(EXIT_INTERNAL);
        struct pollfd ended = {childFd, POLLIN, 0};
        poll(&ended, 1, waitMs);
        drain_child_fd(childFd);
    }
}

/* Wakes poll() at the deadline on the clock it is meant on. Too early is harmless: the clock decides. */
static void watch_deadline(void)
{
    const uint64_t deadlineNs = atomic_load(&supervision->shared->deadlineNs);
    if (supervision->tree != TREE_SUBREAPER)
        return;
    if (deadlineNs > 0 && clock_ns(CLOCK_BOOTTIME) >= deadlineNs)
        kill_until_gone();
    const struct itimerspec at = at_ns(deadlineNs); /* zero disarms, and takes back an expiry that nobody waits for */
    if (timerfd_settime(timerFd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        _exit(EXIT_INTERNAL);
}

static void wait_for_events(void)
{
    struct pollfd fds[3 + CHILDREN_FDS] = {
        {sentry.fd, (short)(POLLIN | (channel_pending(&sentry) ? POLLOUT : 0)), 0},
        {childFd, POLLIN, 0},
        {timerFd, POLLIN, 0},
    };
    children_poll(fds + 3);
    if (poll(fds, 3 + CHILDREN_FDS, -1) < 0) {
        if (errno != EINTR)
            _exit(EXIT_INTERNAL);
        return;
    }
    if (fds[0].revents & POLLOUT)
        channel_flush(&sentry);
    /* The sentry is gone: what is still unread of it must not be carried out. */
    if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        sentry.ended = true;
    else if (fds[0].revents & POLLIN)
        channel_receive(&sentry);
    if (fds[1].revents != 0)
        drain_child_fd(childFd);
    children_polled(fds + 3);
}

int init_main(void *argument)
{
    supervision = argument;
    sentry.fd = supervision->lineFds[1];
    close_sentry_side();
    prctl(PR_SET_NAME, "holdfast-init");
    if (supervision->joinMountsFd >= 0) /* see sender_of_first() */
        send(supervision->pidFds[1], "i", 1, MSG_NOSIGNAL);
    bind_to_sentry();
    if (!enter_joined_mounts()) {
        channel_error(&sentry, "cannot enter the joined tree's mounts", strerror(errno));
        _exit(EXIT_INTERNAL);
    }
    const bool mounted = supervision->tree != TREE_SUBREAPER && isolate_mounts();
    sentry.upward = true;
    if (!children_begin(supervision, &sentry)) {
        channel_error(&sentry, "environment", "too many variables");
        _exit(EXIT_INTERNAL);
    }
    childFd = open_child_fd();
    timerFd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (childFd < 0 || timerFd < 0 || fcntl(sentry.fd, F_SETFL, O_NONBLOCK) != 0)
        _exit(EXIT_INTERNAL);
    channel_send(&sentry, ESSENTIAL, "ready %s\n", mounted ? "yes" : "no");
    for (;;) {
        char *line;
        for (int found; !sentry.ended && (found = channel_line(&sentry, &line)) != 0;) {
            if (found > 0)
                children_command(line);
            else
                channel_error(&sentry, "command", "line too long, or with a NUL byte");
        }
        reap();
        if (supervision->tree == TREE_SUBREAPER && (sentry.ended || atomic_load(&supervision->shared->ending)))
            kill_until_gone();
        if (sentry.ended) /* the kernel ends the rest of the namespace with us */
            _exit(EXIT_INTERNAL);
        watch_deadline();
        wait_for_events();
    }
}
