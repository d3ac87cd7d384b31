/*
 * Bounds and constants. Every number can be set from outside with -D; mutants.json says which check uses which.
 * Time is counted in units of a clock. A tick is the time between two observable moments; in one tick the clock of a
 * seat advances by RATE_MIN..RATE_MAX units, so the clocks run apart by RATE_MAX : RATE_MIN.
 */
#ifndef SEATS
#define SEATS 2 /* places where runs of the service live, one run at a time, each with its own clock */
#endif
#ifndef RATE_MIN
#define RATE_MIN 2
#endif
#ifndef RATE_MAX
#define RATE_MAX 3
#endif
#ifndef RATE_STEP
#define RATE_STEP 1 /* between two rates that can occur; with CONSTANT_RATES */
#endif
#ifndef LEASE_0
#define LEASE_0 6 /* leaseMs of the runs in seat 0; the seats differ, since a rolling change of leaseMs makes them differ */
#endif
#ifndef LEASE_1
#define LEASE_1 4
#endif
#ifndef LEASE_2
#define LEASE_2 4
#endif
#ifndef LEASE_MAX
#define LEASE_MAX 6 /* the largest lease that the service allows (rule 7) */
#endif
#ifndef MARGIN
#define MARGIN 1
#endif
#ifndef GUARD
#define GUARD 0
#endif
#ifndef WAIT_NUM
#define WAIT_NUM 3 /* a candidate waits lease * WAIT_NUM / WAIT_DEN, rounded up, + GUARD; the product's 1.01 is 101 / 100 */
#endif
#ifndef WAIT_DEN
#define WAIT_DEN 2
#endif
#ifndef WRITES
#define WRITES 2 /* writes of one seat that are under way at most: 1 or 2 */
#endif
#ifndef EPOCHS
#define EPOCHS 3 /* takeovers in one history; time and renewals are not bounded */
#endif

#define LEASE(s) (s == 0 -> LEASE_0 : (s == 1 -> LEASE_1 : LEASE_2))
#define WAIT_FOR(lease) (((lease) * WAIT_NUM + WAIT_DEN - 1) / WAIT_DEN + GUARD)
#define WAIT_MAX WAIT_FOR(LEASE_MAX)

#define NOBODY SEATS /* owner of a record that nobody holds */
#define NO_VERSION 0
#define NONE 0

/* What a run is doing. */
mtype = { OFF, CANDIDATE, HOLDER, ORPHANED };
/*
 * Its application. READY: may be started. ALIVE: it, or anything else of its tree. GONE: nothing of the tree is left, and
 * this run starts nothing more. CHECKED is for mutant M10; WAITING for a takeover of a foreign record (extensions.pml).
 */
mtype = { READY, CHECKED, WAITING, ALIVE, GONE };
/* The record. */
mtype = { MISSING, HELD, RELEASED };
/* What a write wants. */
mtype = { TAKEOVER, RENEWAL, RELEASE };
/*
 * Where a write is. FLYING: sent, not yet applied, expects the current version. VOID: will never be applied (lost, or it
 * expects a superseded version), which its sender cannot know. APPLIED: its version is the current one. SUPERSEDED: was
 * applied, and another write after it. (APPLYING lasts for one step.)
 */
mtype = { FLYING, VOID, APPLYING, APPLIED, SUPERSEDED };
/* Who sent it. TRACKED: the lock process that runs now, so the run still has its stamp. FORMER: a lock process of the same
 * run that died. DEAD: a run that is no more. */
mtype = { TRACKED, FORMER, DEAD };
