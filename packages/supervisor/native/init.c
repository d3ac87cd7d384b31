/*
 * The init: PID 1 of the tree (or its subreaper). Starts steps and the application, reaps, reports. It never opens a
 * path on a volume and never waits for anything but poll().
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct child {
    pid_t pid;    /* 0 = none, or ended */
    int statusFd; /* >= 0 until it is known whether exec worked */
    bool failed;  /* exec did not work; that was reported, its exit is not */
    char id[128]; /* of a step, as it came: still encoded */
};

static const struct supervision *supervision;
static struct channel sentry;
static struct child application = {.statusFd = -1};
static struct child steps[STEPS_MAX];
static bool applicationForked;
static struct claim claim = {-1, -1, 0};
static char *environment[VARIABLES_MAX + 1];
static int signalFd = -1, timerFd = -1;

static void report(const char *what, const char *detail)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s", what, detail);
    channel_send(&sentry, ORDINARY, "error %s\n", encode(text));
}

/* NULL when something may start now. The child checks again before exec; the kernel's timer covers the rest. */
static const char *refusal(void)
{
    const uint64_t deadlineNs = atomic_load(&supervision->shared->deadlineNs);
    if (deadlineNs == 0)
        return "no-deadline";
    return clock_ns(CLOCK_BOOTTIME) >= deadlineNs ? "deadline" : NULL;
}

static void report_failure(const struct child *child, const struct status *status)
{
    char text[256], prefix[160] = "";
    if (child != &application)
        snprintf(prefix, sizeof prefix, "step %s ", child->id);
    if (status->stage == STAGE_DEADLINE) {
        channel_send(&sentry, ESSENTIAL, "%srefused deadline\n", prefix);
        return;
    }
    snprintf(text, sizeof text, "%s: %s", stage_text(status->stage), strerror(status->error));
    channel_send(&sentry, ESSENTIAL, "%sexec %d %s\n", prefix, (int)status->error,
                 encode(status->stage == STAGE_EXEC ? strerror(status->error) : text));
}

/* Call when statusFd is readable, or the child has ended: then whatever it wrote is there. */
static void finish_exec(struct child *child, bool ended)
{
    struct status status;
    const ssize_t got = read(child->statusFd, &status, sizeof status);
    if (got < 0 && !ended && (errno == EAGAIN || errno == EINTR))
        return;
    close(child->statusFd);
    child->statusFd = -1;
    child->failed = got == (ssize_t)sizeof status;
    if (child->failed)
        report_failure(child, &status);
    else if (child == &application)
        channel_send(&sentry, ESSENTIAL, "started %d\n", (int)child->pid);
}

/*
 * The kernel translates the pid in a credential message into the receiver's namespace. Sent before the child can
 * be reaped, so that the number is surely still its own. (In subreaper mode there is nothing to translate.)
 */
static void send_pid(pid_t pid)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    const struct ucred credentials = {pid, getuid(), getgid()};
    struct iovec data = {"p", 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_CREDENTIALS;
    control.header.cmsg_len = CMSG_LEN(sizeof credentials);
    memcpy(CMSG_DATA(&control.header), &credentials, sizeof credentials);
    if (supervision->tree != TREE_SUBREAPER &&
        sendmsg(supervision->pidFds[1], &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        report("cannot tell the application's pid", strerror(errno));
}

static void start(void)
{
    const char *reason = applicationForked ? "started" : refusal();
    if (reason != NULL) {
        channel_send(&sentry, ESSENTIAL, "refused %s\n", reason);
        return;
    }
    const struct launch what = {supervision, true, supervision->options->command, environment, claim.fd};
    application.pid = launch(&what, &application.statusFd);
    if (application.pid < 0) {
        channel_send(&sentry, ESSENTIAL, "exec %d %s\n", errno, encode(strerror(errno)));
        application.pid = 0;
        return;
    }
    applicationForked = true;
    send_pid(application.pid);
}

static struct child *find_step(const char *id)
{
    for (struct child *step = steps; step < steps + STEPS_MAX; step++)
        if (step->pid > 0 && strcmp(step->id, id) == 0)
            return step;
    return NULL;
}

static const char *step_arguments(char *rest, char **arguments)
{
    size_t count = 0;
    for (char *field; (field = next_field(&rest)) != NULL; count++) {
        if (count == ARGUMENTS_MAX)
            return "too-many-arguments";
        if (!decode(field))
            return "encoding";
        arguments[count] = field;
    }
    arguments[count] = NULL;
    return count == 0 ? "no-program" : NULL;
}

static void run_step(char *rest)
{
    static char *arguments[ARGUMENTS_MAX + 1];
    const char *id = next_field(&rest);
    if (id == NULL || strlen(id) >= sizeof steps[0].id) {
        report("step", "id missing or too long");
        return;
    }
    struct child *step = steps;
    while (step < steps + STEPS_MAX && step->pid != 0)
        step++;
    const char *reason = refusal();
    if (reason == NULL && find_step(id) != NULL)
        reason = "duplicate";
    if (reason == NULL && step == steps + STEPS_MAX)
        reason = "too-many-steps";
    if (reason == NULL)
        reason = step_arguments(rest, arguments);
    if (reason != NULL) {
        channel_send(&sentry, ESSENTIAL, "step %s refused %s\n", id, reason);
        return;
    }
    const struct launch what = {supervision, false, arguments, environment, claim.fd};
    *step = (struct child){.statusFd = -1};
    snprintf(step->id, sizeof step->id, "%s", id);
    step->pid = launch(&what, &step->statusFd);
    if (step->pid < 0) {
        channel_send(&sentry, ESSENTIAL, "step %s exec %d %s\n", id, errno, encode(strerror(errno)));
        step->pid = 0;
    }
}

static void kill_step(const char *id)
{
    /* Until we reap its leader, the group's number cannot be given to others. */
    struct child *step = id == NULL ? NULL : find_step(id);
    if (step == NULL)
        report("step-kill", "no such step is running");
    else if (kill(-step->pid, SIGKILL) != 0)
        report("step-kill", strerror(errno));
}

static void signal_application(const char *number)
{
    uint64_t signal;
    if (!parse_number(number, (uint64_t)SIGRTMAX, &signal) || signal == 0)
        report("signal", "not a signal number");
    else if (application.pid == 0)
        report("signal", "the application is not running");
    else if (kill(application.pid, (int)signal) != 0)
        report("signal", strerror(errno));
}

static void set_variable(char *variable)
{
    const size_t name = variable == NULL || !decode(variable) ? 0 : strcspn(variable, "=");
    if (name == 0 || variable[name] != '=') {
        report("env", "not KEY=VALUE");
        return;
    }
    size_t index = 0;
    while (environment[index] != NULL && strncmp(environment[index], variable, name + 1) != 0)
        index++;
    char *copy = index == VARIABLES_MAX ? NULL : strdup(variable);
    if (copy == NULL) {
        report("env", "no room for another variable");
        return;
    }
    environment[index] = copy; /* the old value stays allocated: it may be the kernel's, and there are few */
}

static void take_claim(char *path)
{
    if (path == NULL || !decode(path))
        report("claim", "path missing or malformed");
    else
        claim_begin(&claim, supervision, path, &sentry);
}

static void handle_command(char *line)
{
    char *rest = line;
    const char *verb = next_field(&rest);
    if (verb == NULL)
        report("command", "empty line");
    else if (strcmp(verb, "env") == 0)
        set_variable(next_field(&rest));
    else if (strcmp(verb, "step") == 0)
        run_step(rest);
    else if (strcmp(verb, "step-kill") == 0)
        kill_step(next_field(&rest));
    else if (strcmp(verb, "start") == 0)
        start();
    else if (strcmp(verb, "signal") == 0)
        signal_application(next_field(&rest));
    else if (strcmp(verb, "unclaim") == 0)
        claim_drop(&claim, &sentry);
    else if (strcmp(verb, "claim") == 0)
        take_claim(next_field(&rest));
    else if (strcmp(verb, "deadline") != 0) /* that one is in shared memory already; the line only wakes us */
        report("unknown command", verb);
}

static void child_ended(struct child *child, int how)
{
    const int number = WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how);
    if (child->statusFd >= 0)
        finish_exec(child, true);
    child->pid = 0;
    if (child->failed)
        return;
    if (child == &application)
        channel_send(&sentry, ESSENTIAL, "exit %s %d\n", WIFEXITED(how) ? "code" : "signal", number);
    else
        channel_send(&sentry, ESSENTIAL, "step %s %s %d\n", child->id, WIFEXITED(how) ? "exit" : "signal", number);
}

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
        if (pid == application.pid) {
            child_ended(&application, how);
            applicationEnded = !application.failed;
        }
        if (pid == claim.child)
            claim.child = 0;
        for (struct child *step = steps; step < steps + STEPS_MAX; step++)
            if (pid == step->pid)
                child_ended(step, how);
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
    close(supervision->signalFd);
}

/* Subreaper only, and for good: at the deadline, or when the sentry is gone. Other trees the kernel ends. */
static void kill_until_gone(void)
{
    for (int waitMs = 5;; waitMs = waitMs < 200 ? waitMs * 2 : waitMs) {
        tree_kill();
        if (!reap())
            _exit(EXIT_INTERNAL);
        struct pollfd ended = {signalFd, POLLIN, 0};
        struct signalfd_siginfo ignored;
        poll(&ended, 1, waitMs);
        while (read(signalFd, &ignored, sizeof ignored) > 0)
            ;
    }
}

/* Wakes poll() at the deadline on the clock it is meant on. Too early is harmless: the clock decides. */
static void watch_deadline(void)
{
    const uint64_t deadlineNs = atomic_load(&supervision->shared->deadlineNs);
    if (supervision->tree != TREE_SUBREAPER || deadlineNs == 0)
        return;
    if (clock_ns(CLOCK_BOOTTIME) >= deadlineNs)
        kill_until_gone();
    const struct itimerspec at = {
        .it_value = {(time_t)(deadlineNs / 1000000000u), (long)(deadlineNs % 1000000000u)}};
    if (timerfd_settime(timerFd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        _exit(EXIT_INTERNAL);
}

static void wait_for_events(void)
{
    struct signalfd_siginfo ignored;
    struct pollfd fds[5 + STEPS_MAX] = {
        {sentry.fd, (short)(POLLIN | (channel_pending(&sentry) ? POLLOUT : 0)), 0},
        {signalFd, POLLIN, 0},
        {timerFd, POLLIN, 0},
        {application.statusFd, POLLIN, 0},
        {claim.replyFd, POLLIN, 0},
    };
    for (size_t index = 0; index < STEPS_MAX; index++)
        fds[5 + index] = (struct pollfd){steps[index].pid > 0 ? steps[index].statusFd : -1, POLLIN, 0};
    if (poll(fds, 5 + STEPS_MAX, -1) < 0 && errno != EINTR)
        _exit(EXIT_INTERNAL);
    if (fds[0].revents & POLLOUT)
        channel_flush(&sentry);
    if (fds[0].revents & ~POLLOUT)
        channel_receive(&sentry);
    while (fds[1].revents != 0 && read(signalFd, &ignored, sizeof ignored) > 0)
        ;
    if (fds[3].revents != 0)
        finish_exec(&application, false);
    if (fds[4].revents != 0)
        claim_finish(&claim, &sentry);
    for (size_t index = 0; index < STEPS_MAX; index++)
        if (fds[5 + index].revents != 0)
            finish_exec(&steps[index], false);
}

int init_main(void *argument)
{
    supervision = argument;
    sentry.fd = supervision->lineFds[1];
    close_sentry_side();
    prctl(PR_SET_NAME, "holdfast-init");
    bind_to_sentry();
    const bool mounted = supervision->tree != TREE_SUBREAPER && isolate_mounts();
    for (size_t index = 0; environ[index] != NULL && index < VARIABLES_MAX; index++)
        environment[index] = environ[index];
    for (struct child *step = steps; step < steps + STEPS_MAX; step++)
        step->statusFd = -1;
    sigset_t childEnded;
    sigemptyset(&childEnded);
    sigaddset(&childEnded, SIGCHLD);
    signalFd = signalfd(-1, &childEnded, SFD_CLOEXEC | SFD_NONBLOCK);
    timerFd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (signalFd < 0 || timerFd < 0 || fcntl(sentry.fd, F_SETFL, O_NONBLOCK) != 0)
        _exit(EXIT_INTERNAL);
    channel_send(&sentry, ESSENTIAL, "ready %s\n", mounted ? "yes" : "no");
    for (;;) {
        char *line;
        for (int found; !sentry.ended && (found = channel_line(&sentry, &line)) != 0;) {
            if (found > 0)
                handle_command(line);
            else
                report("command", "line too long, or with a NUL byte");
        }
        reap();
        if (sentry.ended && supervision->tree == TREE_SUBREAPER)
            kill_until_gone();
        if (sentry.ended) /* the kernel ends the rest of the namespace with us */
            _exit(EXIT_INTERNAL);
        watch_deadline();
        wait_for_events();
    }
}
