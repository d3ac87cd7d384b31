/*
 * Finding and killing the descendants of the calling process through /proc.
 *
 * A scan is not atomic, so it only says whom to kill. That nothing is left is known from waitpid() failing with
 * ECHILD: every ancestor chain of a descendant of a subreaper ends in one of the subreaper's own children.
 */
#include "holdfast-init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct process {
    pid_t pid, parent;
    uint64_t startTicks;
    bool live, ours;
};

static struct process table[1 << 16];

static bool read_process(pid_t pid, struct process *process)
{
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t bytes = read(fd, text, sizeof text - 1);
    close(fd);
    if (bytes <= 0)
        return false;
    text[bytes] = '\0';
    /* The name in field 2 may hold blanks and parentheses; the fields after its last ')' do not. */
    const char *fields = strrchr(text, ')');
    char state;
    int parent;
    unsigned long long startTicks;
    if (fields == NULL || sscanf(fields + 1,
                                 " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                                 &state, &parent, &startTicks) != 3)
        return false;
    *process = (struct process){pid, parent, startTicks, state != 'Z' && state != 'X', false};
    return true;
}

bool proc_start_ticks(pid_t pid, uint64_t *ticks)
{
    struct process process;
    if (!read_process(pid, &process))
        return false;
    *ticks = process.startTicks;
    return true;
}

/* Our own pid in the numbering of whatever /proc is mounted here; -1 when there is none. */
static pid_t proc_self(void)
{
    char target[32];
    const ssize_t bytes = readlink("/proc/self", target, sizeof target - 1);
    if (bytes <= 0)
        return -1;
    target[bytes] = '\0';
    return (pid_t)strtol(target, NULL, 10);
}

/* Whether the pids in /proc are the ones kill() takes. */
bool proc_matches(void)
{
    return proc_self() == getpid();
}

/* /proc lists pids in ascending order, and so is the table. */
static struct process *find(pid_t pid, size_t count)
{
    size_t low = 0;
    for (size_t high = count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (table[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && table[low].pid == pid ? &table[low] : NULL;
}

/* Marks the descendants of root among the first `count` rows of the table; returns how many of them live. */
static int mark_descendants(pid_t root, size_t count)
{
    int live = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (struct process *process = table; process < table + count; process++) {
            if (process->ours || process->pid == root)
                continue;
            const struct process *parent = find(process->parent, count);
            if (process->parent != root && (parent == NULL || !parent->ours))
                continue;
            process->ours = changed = true;
            live += process->live;
        }
    }
    return live;
}

/* Fills the table; returns the number of rows, or -1 when /proc cannot be read. */
static ssize_t scan(void)
{
    DIR *directory = opendir("/proc");
    if (directory == NULL)
        return -1;
    size_t count = 0;
    for (struct dirent *entry; count < sizeof table / sizeof table[0] && (entry = readdir(directory)) != NULL;) {
        uint64_t pid;
        /* A process that ended since readdir() has no stat file any more: not an error. */
        if (parse_number(entry->d_name, INT32_MAX, &pid) && read_process((pid_t)pid, &table[count]))
            count++;
    }
    closedir(directory);
    return (ssize_t)count;
}

/* Number of live descendants of the caller, or -1 when it cannot be told. */
int tree_count(void)
{
    const pid_t self = proc_self();
    const ssize_t count = self < 0 ? -1 : scan();
    return count < 0 ? -1 : mark_descendants(self, (size_t)count);
}

/* SIGKILL for exactly the process that was seen: a pid may have been given to a stranger since. */
static void kill_seen(const struct process *seen)
{
    const int fd = (int)syscall(SYS_pidfd_open, seen->pid, 0);
    struct process now;
    if (fd < 0 && errno != ESRCH) { /* kernel before 5.3, or a filter that does not know the call */
        if (read_process(seen->pid, &now) && now.startTicks == seen->startTicks)
            kill(seen->pid, SIGKILL);
        return;
    }
    if (fd < 0)
        return;
    if (read_process(seen->pid, &now) && now.startTicks == seen->startTicks)
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    close(fd);
}

/* One pass of SIGKILL over the live descendants but `spared`; how many there were, or -1. Repeat until ECHILD. */
int tree_kill(pid_t spared)
{
    const ssize_t count = scan();
    if (count < 0)
        return -1;
    int live = mark_descendants(getpid(), (size_t)count);
    for (ssize_t index = 0; index < count; index++) {
        if (!table[index].ours || !table[index].live)
            continue;
        if (table[index].pid == spared)
            live--;
        else
            kill_seen(&table[index]);
    }
    return live;
}
