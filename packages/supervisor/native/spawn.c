/*
 * The forked child on its way to exec: a process group of its own, nothing inherited but stdin, stdout, stderr and
 * the claim, default signals, the other user, and the deadline checked last.
 */
#include "holdfast-init.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

const char *stage_text(int32_t stage)
{
    static const char *const texts[] = {"deadline", "parent", "descriptors", "user", "exec"};
    return stage >= 0 && stage <= STAGE_EXEC ? texts[stage] : "unknown";
}

static bool is_fault(int signal)
{
    return signal == SIGILL || signal == SIGTRAP || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE ||
           signal == SIGSEGV || signal == SIGSYS;
}

static void set_disposition(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    /* EINVAL for SIGKILL, SIGSTOP and the signals libc keeps to itself: they stay as they are. */
    sigaction(signal, &action, NULL);
}

/* Schedulers and terminals signal every process at once; only SIGKILL and faults of our own may end us. */
void shield_signals(void)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        set_disposition(signal, is_fault(signal) || signal == SIGCHLD ? SIG_DFL : SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD); /* read through a signalfd */
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void unshield_signals(void)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++)
        set_disposition(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * In a PID namespace the kernel ends every process with the init. Without one, this ends at least the init's direct
 * children; it is lost on a change of credentials, so it comes after that, and on exec of a set-uid program.
 */
bool die_with_parent(const struct supervision *supervision, pid_t parent)
{
    if (supervision->tree != TREE_SUBREAPER)
        return true;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static void give_up(int statusFd, enum stage stage, int error)
{
    const struct status status = {stage, error};
    /* Shorter than PIPE_BUF, so whole or not at all; not at all means that the init is gone, and so are we. */
    while (write(statusFd, &status, sizeof status) < 0 && errno == EINTR)
        ;
    _exit(127);
}

static bool change_ids(const struct options *options)
{
    if (!options->changeIds)
        return true;
    if (setgroups(options->groupCount, options->groups) == 0 &&
        setresgid(options->gid, options->gid, options->gid) == 0 &&
        setresuid(options->uid, options->uid, options->uid) == 0)
        return true;
    /* Without any right to change, staying who one is needs none (a user namespace forbids even setgroups). */
    return errno == EPERM && options->groupCount == 0 && getuid() == options->uid && geteuid() == options->uid &&
           getgid() == options->gid && getegid() == options->gid;
}

static bool place_descriptors(const struct launch *launch)
{
    const struct supervision *supervision = launch->supervision;
    /* dup2() clears close-on-exec on the copy. Everything else of ours has it set. */
    if (!launch->application && (dup2(supervision->nullFd, STDIN_FILENO) < 0 ||
                                 dup2(supervision->options->stepFd, STDOUT_FILENO) < 0))
        return false;
    return launch->claimFd < 0 || fcntl(launch->claimFd, F_SETFD, 0) == 0;
}

/* exec at once or not at all: nothing of ours that can wait comes between the check and the call. */
static void exec_in_time(const struct launch *launch, const char *path, int statusFd)
{
    const uint64_t deadlineNs = atomic_load(&launch->supervision->shared->deadlineNs);
    if ((deadlineNs > 0 || !launch->replica) && clock_ns(CLOCK_BOOTTIME) >= deadlineNs)
        give_up(statusFd, STAGE_DEADLINE, ETIME);
    execve(path, launch->argv, launch->environment);
}

static const char *search_path(char *const *environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* As execvpe(), but the same in every libc, and a file without a known format is never handed to a shell. */
static int exec_found(const struct launch *launch, int statusFd)
{
    const char *name = launch->argv[0];
    if (name[0] == '\0')
        return ENOENT;
    if (strchr(name, '/') != NULL) {
        exec_in_time(launch, name, statusFd);
        return errno;
    }
    int error = ENOENT;
    const char *rest = search_path(launch->environment);
    for (;;) {
        const size_t bytes = strcspn(rest, ":");
        char path[PATH_MAX];
        const int length = snprintf(path, sizeof path, "%.*s%s%s", (int)bytes, rest, bytes > 0 ? "/" : "", name);
        if (length > 0 && (size_t)length < sizeof path) {
            exec_in_time(launch, path, statusFd);
            if (errno == EACCES)
                error = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT)
                return errno;
        }
        if (rest[bytes] == '\0')
            return error;
        rest += bytes + 1;
    }
}

static void become(const struct launch *launch, pid_t parent, int statusFd)
{
    const struct supervision *supervision = launch->supervision;
    setpgid(0, 0);
    /* So that ^C reaches the application once, and not the guard as well. SIGTTOU is still ignored here. */
    if (launch->application && atomic_load(&supervision->shared->foreground))
        tcsetpgrp(STDIN_FILENO, getpid());
    if (!place_descriptors(launch))
        give_up(statusFd, STAGE_DESCRIPTORS, errno);
    if (launch->application && !change_ids(supervision->options))
        give_up(statusFd, STAGE_IDS, errno);
    if (!die_with_parent(supervision, parent))
        give_up(statusFd, STAGE_PARENT, ESRCH);
    unshield_signals();
    give_up(statusFd, STAGE_EXEC, exec_found(launch, statusFd));
}

/*
 * Forks. *statusFd (non-blocking) then yields a struct status when the program could not be executed, or end of
 * file when it was. The init does not wait for that: the program may lie on a volume that hangs.
 */
pid_t launch(const struct launch *launch, int *statusFd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0)
        become(launch, parent, ends[1]);
    const int error = errno;
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    /* Both sides set it, so that it is set whoever runs first; EACCES = the child has executed already. */
    setpgid(child, child);
    *statusFd = ends[0];
    return child;
}
