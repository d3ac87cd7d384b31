/*
 * The sentry: direct child of the guard, outside the tree. It holds the deadline as a kernel timer whose signal is
 * SIGKILL to itself, which a stopped process receives too; the init and everything under it follow (README.md).
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Without a PID namespace user space kills by walking, at the deadline; the kernel's timer comes this much later. */
static const uint64_t walkNs = 250u * 1000000u;

static struct supervision supervision;
static struct channel guard, init;
static pid_t initPid; /* 0 once reaped */
static timer_t killTimer, wakeTimer;
static bool killing; /* nothing more is relayed to the init */
static pid_t guardGroup, applicationGroup; /* the one that gets the terminal back from the other */
static char refusals[256]; /* of kinds of tree that would have been better */

/* Our end is the tree's end: the init hears of it from the kernel. */
static void give_up(const char *what, const char *why)
{
    channel_error(&guard, what, why);
    _exit(EXIT_INTERNAL);
}

static void die(const char *what)
{
    give_up(what, strerror(errno));
}

/* 0, 1 and 2 must be taken, or a socket of ours would become the application's; beyond, only two are wanted. */
static void tidy_descriptors(const struct options *options)
{
    const unsigned low = (unsigned)(options->controlFd < options->stepFd ? options->controlFd : options->stepFd);
    const unsigned high = (unsigned)(options->controlFd < options->stepFd ? options->stepFd : options->controlFd);
    const unsigned ranges[3][2] = {{3, low - 1}, {low + 1, high - 1}, {high + 1, ~0u}};
    while ((supervision.nullFd = open("/dev/null", O_RDWR)) >= 0 && supervision.nullFd <= STDERR_FILENO)
        ;
    for (size_t index = 0; index < 3; index++) {
        const unsigned first = ranges[index][0], last = ranges[index][1];
        if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
            continue;
        const long limit = sysconf(_SC_OPEN_MAX); /* kernel before 5.9 */
        for (long fd = first; fd <= (long)last && fd < (limit > 0 ? limit : 1 << 20); fd++)
            close((int)fd);
    }
    supervision.nullFd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (supervision.nullFd < 0 || fcntl(options->controlFd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(options->stepFd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(options->controlFd, F_SETFL, O_NONBLOCK) != 0)
        die("descriptors");
}

static timer_t create_timer(int signal)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal};
    /* The signal is allocated here, so that arming cannot fail for want of memory later. */
    if (timer_create(CLOCK_BOOTTIME, &event, &timer) != 0)
        die("no deadline timer");
    return timer;
}

/* Zero disarms. */
static void arm(uint64_t deadlineNs)
{
    const bool subreaper = supervision.tree == TREE_SUBREAPER;
    const struct itimerspec at = at_ns(deadlineNs), later = at_ns(deadlineNs > 0 ? deadlineNs + walkNs : 0);
    /* SIGCONT at the deadline wakes us to walk even when we were stopped. */
    if (timer_settime(killTimer, TIMER_ABSTIME, subreaper ? &later : &at, NULL) != 0 ||
        (subreaper && (timer_settime(wakeTimer, TIMER_ABSTIME, &at, NULL) != 0 ||
                       timerfd_settime(supervision.timerFd, TFD_TIMER_ABSTIME, &at, NULL) != 0)))
        die("cannot arm the deadline");
    /* Only now may the init count on it. */
    atomic_store(&supervision.shared->deadlineNs, deadlineNs);
}

static void set_deadline(const char *field)
{
    uint64_t deadlineNs;
    if (atomic_load(&supervision.shared->replica) && strcmp(field, " none") == 0)
        arm(0);
    else if (*field == ' ' && parse_number(field + 1, INT64_MAX - walkNs, &deadlineNs))
        arm(deadlineNs > 0 ? deadlineNs : 1); /* a time long past, and not "none" */
    else
        channel_error(&guard, "deadline", "not a time in nanoseconds; the former one stands");
}

static void say_hello(const char *mounted)
{
    uint64_t startTicks = 0;
    const bool known = proc_matches() && proc_start_ticks(initPid, &startTicks);
    /* Boot time first: a pause between the two makes deadlines earlier, never later. */
    const uint64_t bootNs = clock_ns(CLOCK_BOOTTIME);
    const uint64_t monoNs = clock_ns(CLOCK_MONOTONIC);
    channel_send(&guard, ESSENTIAL, "hello %d %s %d %llu %llu %llu %s\n", PROTOCOL_VERSION,
                 tree_name(supervision.tree), (int)initPid, (unsigned long long)startTicks,
                 (unsigned long long)monoNs, (unsigned long long)bootNs, mounted);
    if (!known)
        channel_error(&guard, "/proc", "not of our PID namespace; the init's start time is unknown");
    if (refusals[0] != '\0')
        channel_error(&guard, "not the best kind of tree", refusals);
}

/* See send_pid() in children.c. */
static int translated_pid(const char *own)
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
    if (supervision.tree == TREE_SUBREAPER)
        return atoi(own);
    if (recvmsg(supervision.pidFds[0], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) > 0 &&
        control.header.cmsg_type == SCM_CREDENTIALS)
        memcpy(&credentials, CMSG_DATA(&control.header), sizeof credentials);
    return credentials.pid;
}

/* Asked when the application starts, not before: by then the user may have put us into the background. */
static bool has_terminal(void)
{
    return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == guardGroup;
}

/* From the application or a dead group of its, not from whatever the user's shell has put there meanwhile. */
static void take_terminal_back(void)
{
    const pid_t owner = atomic_load(&supervision.shared->foreground) ? tcgetpgrp(STDIN_FILENO) : -1;
    if (owner > 0 && (owner == applicationGroup || (kill(-owner, 0) != 0 && errno == ESRCH)))
        tcsetpgrp(STDIN_FILENO, guardGroup); /* SIGTTOU is ignored, so this works from the background */
}

/* The rest comes once, or once per start. */
static bool is_ordinary(const char *line)
{
    return strncmp(line, "error ", 6) == 0 || strncmp(line, "alive ", 6) == 0 || strncmp(line, "step ", 5) == 0 ||
           strncmp(line, "claim ", 6) == 0;
}

static void handle_report(char *line)
{
    if (strncmp(line, "ready ", 6) == 0) {
        say_hello(line + 6);
    } else if (strncmp(line, "started ", 8) == 0) {
        applicationGroup = translated_pid(line + 8);
        channel_send(&guard, ESSENTIAL, "started %d\n", (int)applicationGroup);
    } else {
        if (strncmp(line, "exit ", 5) == 0)
            take_terminal_back();
        channel_send(&guard, is_ordinary(line) ? ORDINARY : ESSENTIAL, "%s\n", line);
    }
}

static void handle_reports(void)
{
    char *line;
    for (int found; (found = channel_line(&init, &line)) != 0;)
        if (found > 0)
            handle_report(line);
}

/*
 * The kernel takes the rest of a namespace along with its init. A subreaper must outlive its tree: the guard's death can
 * kill us at any moment, and with both of us gone the orphans would be nobody's. So it is told, and ends as the last.
 */
static void begin_kill(void)
{
    atomic_store(&supervision.shared->ending, true);
    if (!killing && supervision.tree == TREE_SUBREAPER)
        channel_send(&init, ESSENTIAL, "kill\n"); /* wakes it */
    else if (initPid > 0 && supervision.tree != TREE_SUBREAPER)
        kill(initPid, SIGKILL);
    killing = true;
}

/*
 * We walk as well, because the init may be stopped. It exits by itself when it has no child left; after a while of
 * nothing else to kill it is killed. Returns how many milliseconds to wait before the next pass.
 */
static int walk(void)
{
    static int passes, quiet;
    const int live = tree_kill(initPid);
    quiet = live == 0 ? quiet + 1 : 0;
    if (quiet > 3 && initPid > 0)
        kill(initPid, SIGKILL);
    if (++passes == 20 && live != 0)
        channel_error(&guard, "kill", "some processes do not end: other users' rights, or uninterruptible I/O");
    return passes < 6 ? 5 << passes / 2 : 100;
}

/* Whether it was dropped, because the init does not read. */
static bool handle_command(char *line)
{
    if (strncmp(line, "deadline", 8) == 0)
        set_deadline(line + 8);
    if (strncmp(line, "start", 5) == 0)
        atomic_store(&supervision.shared->foreground, has_terminal());
    if (strcmp(line, "kill") == 0)
        begin_kill();
    return !killing && !channel_send(&init, ORDINARY, "%s\n", line);
}

static void handle_commands(void)
{
    char *line;
    bool dropped = false;
    for (int found; (found = channel_line(&guard, &line)) != 0;) {
        if (found > 0)
            dropped = handle_command(line) || dropped;
        else
            channel_error(&guard, "command", "line too long, or with a NUL byte");
    }
    if (dropped)
        channel_error(&guard, "the init does not read", "commands were dropped");
}

/* The init is gone and so is all that was under it: exit status 0 says the same if nobody reads the line. */
static void finish(void)
{
    const struct itimerspec never = {0};
    timer_settime(killTimer, 0, &never, NULL);
    take_terminal_back();
    while (channel_receive(&init)) /* what it said last */
        handle_reports();
    channel_send(&guard, ESSENTIAL, "gone\n");
    const uint64_t untilNs = clock_ns(CLOCK_MONOTONIC) + 1000000000u;
    while (channel_pending(&guard) && clock_ns(CLOCK_MONOTONIC) < untilNs) {
        struct pollfd writable = {guard.fd, POLLOUT, 0};
        poll(&writable, 1, 100);
        channel_flush(&guard);
    }
    _exit(EXIT_GONE);
}

/* In subreaper mode orphans of a dead init become our children; nothing is left when there is no child at all. */
static void reap(void)
{
    for (;;) {
        int how;
        const pid_t pid = waitpid(-1, &how, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            finish();
        if (pid <= 0)
            return;
        if (pid != initPid)
            continue;
        initPid = 0;
        if (!killing)
            channel_error(&guard, "the init ended by itself", WIFSIGNALED(how) ? strsignal(WTERMSIG(how)) : "exit");
        begin_kill();
    }
}

static void wait_for_events(int timeoutMs)
{
    uint64_t expirations;
    struct pollfd fds[] = {
        {guard.ended ? -1 : guard.fd, (short)(POLLIN | (channel_pending(&guard) ? POLLOUT : 0)), 0},
        {init.ended ? -1 : init.fd, (short)(POLLIN | (channel_pending(&init) ? POLLOUT : 0)), 0},
        {supervision.childFd, POLLIN, 0},
        {supervision.timerFd, POLLIN, 0},
    };
    if (poll(fds, 4, timeoutMs) < 0 && errno != EINTR)
        die("poll");
    if (fds[0].revents & POLLOUT)
        channel_flush(&guard);
    /* The guard is gone: what it still had to say must not be carried out. */
    if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        guard.ended = true;
    else if (fds[0].revents & POLLIN)
        channel_receive(&guard);
    if (fds[1].revents & POLLOUT)
        channel_flush(&init);
    if (fds[1].revents & ~POLLOUT)
        channel_receive(&init);
    if (fds[2].revents != 0)
        drain_child_fd(supervision.childFd);
    if (fds[3].revents != 0 && read(supervision.timerFd, &expirations, sizeof expirations) > 0)
        begin_kill();
}

int supervise(const struct options *options)
{
    const pid_t guardPid = getppid();
    shield_signals();
    prctl(PR_SET_NAME, "holdfast-sentry");
    /* If the guard died before this, our parent has changed, or the control socket is closed: see wait_for_events(). */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != guardPid)
        return EXIT_INTERNAL;
    supervision.options = options;
    supervision.timerFd = supervision.childFd = supervision.joinMountsFd = -1;
    guard.fd = options->controlFd;
    guard.upward = true;
    tidy_descriptors(options);
    guardGroup = getpgrp();
    killTimer = create_timer(SIGKILL);
    wakeTimer = create_timer(SIGCONT);
    supervision.timerFd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    supervision.shared = mmap(NULL, sizeof *supervision.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    supervision.childFd = open_child_fd();
    if (supervision.shared == MAP_FAILED || supervision.childFd < 0 || supervision.timerFd < 0)
        die("preparation");
    if (options->joinPid > 0 && !join_tree(&supervision))
        die("cannot join the tree");
    initPid = clone_init(&supervision, refusals, sizeof refusals);
    if (initPid <= 0)
        give_up("no kind of tree can be had", refusals);
    if (supervision.joinMountsFd >= 0)
        close(supervision.joinMountsFd); /* or the other tree's mounts would live as long as we do */
    init.fd = supervision.lineFds[0];
    close(options->stepFd); /* only the init needs it */
    for (;;) {
        handle_reports();
        if (guard.ended)
            begin_kill();
        else
            handle_commands();
        reap();
        wait_for_events(killing && supervision.tree == TREE_SUBREAPER ? walk() : -1);
    }
}
