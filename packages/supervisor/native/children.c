/*
 * What the init has started for the guard: the application, steps, the claim; and the commands that do so.
 */
#include "holdfast-init.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
static struct channel *sentry;
static struct child application = {.statusFd = -1};
static struct child steps[STEPS_MAX];
static bool applicationForked;
static struct claim claim = {-1, -1, 0};
static char *environment[VARIABLES_MAX + 1];

/* NULL when something may start now. The child checks again before exec; the kernel's timer covers the rest. */
static const char *refusal(bool replica)
{
    const uint64_t deadlineNs = atomic_load(&supervision->shared->deadlineNs);
    if (replica ? deadlineNs > 0 : deadlineNs > 0 && clock_ns(CLOCK_BOOTTIME) >= deadlineNs)
        return "deadline";
    if (atomic_load(&supervision->shared->ending))
        return "ending";
    return replica || deadlineNs > 0 ? NULL : "no-deadline";
}

static void report_failure(const struct child *child, const struct status *status)
{
    char text[256], prefix[160] = "";
    const enum weight weight = child == &application ? ESSENTIAL : ORDINARY;
    if (child != &application)
        snprintf(prefix, sizeof prefix, "step %s ", child->id);
    if (status->stage == STAGE_DEADLINE) {
        channel_send(sentry, weight, "%srefused deadline\n", prefix);
        return;
    }
    snprintf(text, sizeof text, "%s: %s", stage_text(status->stage), strerror(status->error));
    channel_send(sentry, weight, "%sexec %d %s\n", prefix, (int)status->error,
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
        channel_send(sentry, ESSENTIAL, "started %d\n", (int)child->pid);
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
        channel_error(sentry, "cannot tell the application's pid", strerror(errno));
}

/* A replica runs without a grant, so it is started while there is no deadline yet, and by no other command. */
static void start(bool replica)
{
    const char *reason = applicationForked ? "started" : refusal(replica);
    if (reason != NULL) {
        channel_send(sentry, ESSENTIAL, "refused %s\n", reason);
        return;
    }
    atomic_store(&supervision->shared->replica, replica);
    const struct launch what = {supervision, true, replica, supervision->options->command, environment, claim.fd};
    application.pid = launch(&what, &application.statusFd);
    if (application.pid < 0) {
        channel_send(sentry, ESSENTIAL, "exec %d %s\n", errno, encode(strerror(errno)));
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
        channel_error(sentry, "step", "id missing or too long");
        return;
    }
    struct child *step = steps;
    while (step < steps + STEPS_MAX && step->pid != 0)
        step++;
    const char *reason = refusal(false);
    if (reason == NULL && find_step(id) != NULL)
        reason = "duplicate";
    if (reason == NULL && step == steps + STEPS_MAX)
        reason = "too-many-steps";
    if (reason == NULL)
        reason = step_arguments(rest, arguments);
    if (reason != NULL) {
        channel_send(sentry, ORDINARY, "step %s refused %s\n", id, reason);
        return;
    }
    const struct launch what = {supervision, false, false, arguments, environment, claim.fd};
    *step = (struct child){.statusFd = -1};
    snprintf(step->id, sizeof step->id, "%s", id);
    step->pid = launch(&what, &step->statusFd);
    if (step->pid < 0) {
        channel_send(sentry, ORDINARY, "step %s exec %d %s\n", id, errno, encode(strerror(errno)));
        step->pid = 0;
    }
}

static void kill_step(const char *id)
{
    /* Until we reap its leader, the group's number cannot be given to others. */
    struct child *step = id == NULL ? NULL : find_step(id);
    if (step == NULL)
        channel_error(sentry, "step-kill", "no such step is running");
    else if (kill(-step->pid, SIGKILL) != 0)
        channel_error(sentry, "step-kill", strerror(errno));
}

static void signal_application(const char *number)
{
    uint64_t signal;
    if (!parse_number(number, (uint64_t)SIGRTMAX, &signal) || signal == 0)
        channel_error(sentry, "signal", "not a signal number");
    else if (application.pid == 0)
        channel_error(sentry, "signal", "the application is not running");
    else if (kill(application.pid, (int)signal) != 0)
        channel_error(sentry, "signal", strerror(errno));
}

static void set_variable(char *variable)
{
    const size_t name = variable == NULL || !decode(variable) ? 0 : strcspn(variable, "=");
    if (name == 0 || variable[name] != '=') {
        channel_error(sentry, "env", "not KEY=VALUE");
        return;
    }
    size_t index = 0;
    while (environment[index] != NULL && strncmp(environment[index], variable, name + 1) != 0)
        index++;
    char *copy = index == VARIABLES_MAX ? NULL : strdup(variable);
    if (copy == NULL) {
        channel_error(sentry, "env", "no room for another variable");
        return;
    }
    environment[index] = copy; /* the old value stays allocated: it may be the kernel's, and there are few */
}

static void take_claim(char *path)
{
    if (path == NULL || !decode(path))
        channel_error(sentry, "claim", "path missing or malformed");
    else
        claim_begin(&claim, supervision, path, sentry);
}

/* False when there is more environment than we can pass on: better no application than one with half of it. */
bool children_begin(const struct supervision *shared, struct channel *to)
{
    supervision = shared;
    sentry = to;
    for (struct child *step = steps; step < steps + STEPS_MAX; step++)
        step->statusFd = -1;
    size_t count = 0;
    for (; environ[count] != NULL && count < VARIABLES_MAX; count++)
        environment[count] = environ[count];
    return environ[count] == NULL;
}

/* Carries out one line of the guard's. */
void children_command(char *line)
{
    char *rest = line;
    const char *verb = next_field(&rest);
    if (verb == NULL)
        channel_error(sentry, "command", "empty line");
    else if (strcmp(verb, "env") == 0)
        set_variable(next_field(&rest));
    else if (strcmp(verb, "step") == 0)
        run_step(rest);
    else if (strcmp(verb, "step-kill") == 0)
        kill_step(next_field(&rest));
    else if (strcmp(verb, "start") == 0)
        start(false);
    else if (strcmp(verb, "start-replica") == 0)
        start(true);
    else if (strcmp(verb, "signal") == 0)
        signal_application(next_field(&rest));
    else if (strcmp(verb, "unclaim") == 0)
        claim_drop(&claim, sentry);
    else if (strcmp(verb, "claim") == 0)
        take_claim(next_field(&rest));
    else if (strcmp(verb, "deadline") == 0) /* in shared memory already; the guard renews only while we answer */
        channel_send(sentry, ORDINARY, "alive %llu\n",
                     (unsigned long long)atomic_load(&supervision->shared->deadlineNs));
    else
        channel_error(sentry, "unknown command", verb);
}

static void report_end(struct child *child, int how)
{
    const int number = WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how);
    if (child->statusFd >= 0)
        finish_exec(child, true);
    child->pid = 0;
    if (child->failed)
        return;
    if (child == &application)
        channel_send(sentry, ESSENTIAL, "exit %s %d\n", WIFEXITED(how) ? "code" : "signal", number);
    else
        channel_send(sentry, ORDINARY, "step %s %s %d\n", child->id, WIFEXITED(how) ? "exit" : "signal", number);
}

/* Call for every process reaped; whether it was the application (and had been executed). */
bool children_reaped(pid_t pid, int how)
{
    if (pid == claim.child)
        claim.child = 0;
    for (struct child *step = steps; step < steps + STEPS_MAX; step++)
        if (pid == step->pid)
            report_end(step, how);
    if (pid != application.pid)
        return false;
    report_end(&application, how);
    return !application.failed;
}

/* What to poll for: CHILDREN_FDS entries. */
void children_poll(struct pollfd *fds)
{
    fds[0] = (struct pollfd){application.statusFd, POLLIN, 0};
    fds[1] = (struct pollfd){claim.replyFd, POLLIN, 0};
    for (size_t index = 0; index < STEPS_MAX; index++)
        fds[2 + index] = (struct pollfd){steps[index].statusFd, POLLIN, 0};
}

void children_polled(const struct pollfd *fds)
{
    if (fds[0].revents != 0)
        finish_exec(&application, false);
    if (fds[1].revents != 0)
        claim_finish(&claim, sentry);
    for (size_t index = 0; index < STEPS_MAX; index++)
        if (fds[2 + index].revents != 0)
            finish_exec(&steps[index], false);
}
