/*
 * holdfast-init: the native part of the supervisor. README.md is the reference; this header names what the
 * files share.
 *
 *   main.c      command line                        spawn.c     the forked child, up to exec
 *   sentry.c    the outer process                   claim.c     the lock on the volume
 *   clone.c     which kind of tree                  tree.c      finding and killing processes through /proc
 *   init.c      PID 1 of the tree                   protocol.c  lines on a socket, clocks
 *   children.c  application, steps, commands        volume.c    the applets that touch a volume
 */
#ifndef HOLDFAST_INIT_H
#define HOLDFAST_INIT_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { PROTOCOL_VERSION = 1 };
enum { EXIT_GONE = 0, EXIT_USAGE = 64, EXIT_INTERNAL = 70 };
enum {
    LINE_BYTES_MAX = 1 << 20,      /* one protocol line, newline included */
    QUEUE_BYTES_MAX = 2 << 20,     /* what waits for a peer that does not read; beyond it lines are dropped */
    QUEUE_BYTES_RESERVED = 64 << 10, /* of these, for lines that come once and must not be dropped */
    STEPS_MAX = 64,
    ARGUMENTS_MAX = 4096,
    VARIABLES_MAX = 16384,
    GROUPS_MAX = 64,
};

enum tree { TREE_PID_NAMESPACE, TREE_USER_PID_NAMESPACE, TREE_SUBREAPER };

struct options {
    int controlFd, stepFd;
    bool allowed[3]; /* by enum tree; tried in this order */
    bool mountProc;
    pid_t joinPid;       /* > 0: the tree is made inside that process's PID and mount namespaces */
    uint64_t joinTicks;  /* start time of that process, so that it cannot be a later one with its number */
    bool changeIds;
    uid_t uid;
    gid_t gid;
    gid_t groups[GROUPS_MAX];
    size_t groupCount;
    char **command;
};

/* One page that sentry, init and its children before exec have in common. */
struct shared {
    _Atomic uint64_t deadlineNs; /* CLOCK_BOOTTIME; 0 = no deadline is set, so nothing but a replica may start */
    _Atomic bool ending;         /* nothing more may be started */
    _Atomic bool foreground;     /* at the start, stdin was a terminal and the guard's group had it */
    _Atomic bool replica;        /* the application was started without a grant; only then may a deadline be lifted */
};

/* What the sentry prepares before it clones the init. */
struct supervision {
    const struct options *options;
    struct shared *shared;
    enum tree tree;
    int nullFd;        /* /dev/null, opened early */
    int lineFds[2];    /* [0] sentry, [1] init: protocol lines */
    int pidFds[2];     /* [0] sentry, [1] init: one credential message that translates the application's pid */
    int timerFd;       /* sentry only */
    int childFd;       /* sentry only */
    int joinMountsFd;  /* mount namespace that the init enters before it makes its own, or -1 */
    char directory[4096]; /* working directory by name: entering another mount namespace leaves it */
};

/* sentry.c */
int supervise(const struct options *options);

/* clone.c */
const char *tree_name(enum tree tree);
bool join_tree(struct supervision *supervision);
pid_t clone_init(struct supervision *supervision, char *refusals, size_t bytes);

/* init.c */
int init_main(void *supervision);

/* protocol.c */
enum weight { ORDINARY, ESSENTIAL };
struct channel {
    int fd;
    bool ended;    /* the peer closed or the socket failed: nothing more comes */
    bool skipping; /* inside a line that was too long */
    bool upward;   /* towards the guard, which wants to know when lines to it had to be dropped */
    size_t inStart, inEnd, outStart, outEnd, dropped;
    char in[LINE_BYTES_MAX];
    char out[QUEUE_BYTES_MAX + LINE_BYTES_MAX];
};
bool channel_receive(struct channel *channel);
int channel_line(struct channel *channel, char **line);
bool channel_send(struct channel *channel, enum weight weight, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void channel_flush(struct channel *channel);
bool channel_pending(const struct channel *channel);
void channel_error(struct channel *channel, const char *what, const char *detail);
bool decode(char *field);
const char *encode(const char *text);
char *next_field(char **rest);
bool parse_number(const char *text, uint64_t max, uint64_t *value);
uint64_t clock_ns(clockid_t clock);
struct itimerspec at_ns(uint64_t ns);
int open_child_fd(void);
void drain_child_fd(int fd);

/* spawn.c */
enum stage { STAGE_DEADLINE, STAGE_PARENT, STAGE_DESCRIPTORS, STAGE_IDS, STAGE_EXEC };
struct status {
    int32_t stage;
    int32_t error;
};
struct launch {
    const struct supervision *supervision;
    bool application; /* else a step */
    bool replica;     /* may run while no deadline is set */
    char *const *argv;
    char *const *environment;
    int claimFd; /* inherited when >= 0 */
};
pid_t launch(const struct launch *launch, int *statusFd);
const char *stage_text(int32_t stage);
void shield_signals(void);
bool die_with_parent(const struct supervision *supervision, pid_t parent);

/* children.c */
enum { CHILDREN_FDS = 2 + STEPS_MAX };
bool children_begin(const struct supervision *supervision, struct channel *sentry);
void children_command(char *line);
bool children_reaped(pid_t pid, int how);
void children_poll(struct pollfd *fds);
void children_polled(const struct pollfd *fds);

/* claim.c */
struct claim {
    int fd;      /* the locked description, or -1 */
    int replyFd; /* from the child that is opening it, or -1 */
    pid_t child; /* 0 once reaped: its pid may be a stranger's by then */
};
void claim_begin(struct claim *claim, const struct supervision *supervision, const char *path, struct channel *to);
void claim_finish(struct claim *claim, struct channel *to);
void claim_drop(struct claim *claim, struct channel *to);

/* tree.c */
int tree_count(void);
int tree_kill(pid_t spared);
bool proc_matches(void);
bool proc_start_ticks(pid_t pid, uint64_t *ticks);

/* volume.c */
int volume_read(const char *path);
int volume_write(const char *path, const char *epoch);
int volume_sync(const char *path);

#endif
