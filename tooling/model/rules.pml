/*
 * The rules of the lease as expressions, each with the deviations from it that must be found (mutants.json says what they
 * mean in code). Deviations that add a step instead of changing an expression stand beside the step, in run.pml.
 */

/* Rule 1: every change of the record is a version-checked write. */
#ifdef M3
#define VERSION_CHECKED false
#else
#define VERSION_CHECKED true
#endif

/* Rule 1: a run id is fresh per start, so a run that starts never finds its own id in the record. */
#ifdef M14
#define FINDS_ITS_ID(s) (owner == s)
#else
#define FINDS_ITS_ID(s) false
#endif

/* Rule 2: the deadline counts from the stamp taken before the confirmed attempt was sent. */
#ifdef M1
#define RENEWAL_AGE(s, k) 0
#elif defined(M5C)
#define RENEWAL_AGE(s, k) (k == 0 && run[s].w[1].by == TRACKED && run[s].w[1].what == RENEWAL -> run[s].w[1].age : run[s].w[k].age)
#else
#define RENEWAL_AGE(s, k) run[s].w[k].age
#endif
#ifdef M9B
#define TAKEOVER_AGE(s, k) 0
#elif defined(M9C)
#define TAKEOVER_AGE(s, k) (k == 0 && run[s].w[1].by == TRACKED && run[s].w[1].what == TAKEOVER -> run[s].w[1].age : run[s].w[k].age)
#else
#define TAKEOVER_AGE(s, k) run[s].w[k].age
#endif

/* Rule 2: the guard ends the application at the deadline, whatever the run does. */
#ifdef M15
#define GUARD_ACTS false
#else
#define GUARD_ACTS true
#endif

/* Rule 2: no renewal after one's own deadline. (A run that goes on after it, and starts its application again: REACQ-same.) */
#ifdef REACQ_SAME
#define MAY_RENEW(s) (run[s].app == READY || run[s].app == ALIVE || run[s].app == GONE)
#elif defined(M14)
#define MAY_RENEW(s) (run[s].left > 0 || run[s].app == READY)
#else
#define MAY_RENEW(s) (run[s].left > 0)
#endif

/* Rule 2: "may it start?" is answered in the step that starts, by the guard. */
#ifdef M10
#define MAY_START(s) (run[s].app == CHECKED)
#else
#define MAY_START(s) (run[s].app == READY && run[s].left > 0)
#endif

/* Rule 3: the time to wait is that of the record's lease, with an allowance for clock rates. */
#ifdef M6
#define WAIT(s) (recordLease + GUARD)
#elif defined(M8)
#define WAIT(s) WAIT_FOR(LEASE(s))
#else
#define WAIT(s) WAIT_FOR(recordLease)
#endif

/* Rule 3: the timer starts when the answer that first showed the version has arrived; the same version again leaves it. */
#ifdef M2A
#define SEEN_AT_FIRST(s) run[s].aux /* since the answer before */
#elif defined(M2B)
#define SEEN_AT_FIRST(s) run[s].seen /* since the candidate's own start */
#elif defined(M2C)
#define SEEN_AT_FIRST(s) run[s].aux /* since the read was sent */
#else
#define SEEN_AT_FIRST(s) 0
#endif

/* Rule 6: released only when nothing of the tree is left; once sent, this run starts nothing more. */
#ifdef M4
#define MAY_RELEASE(s) true
#else
#define MAY_RELEASE(s) (run[s].app == READY || run[s].app == GONE)
#endif
#ifdef M16
#define AFTER_RELEASE(s) READY
#elif defined(M4)
#define AFTER_RELEASE(s) run[s].app
#else
#define AFTER_RELEASE(s) GONE
#endif
