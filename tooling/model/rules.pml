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
#define RENEWAL_AGE(s, k) (k == 0 && seat[s].w[1].by == TRACKED && seat[s].w[1].what == RENEWAL -> seat[s].w[1].age : seat[s].w[k].age)
#else
#define RENEWAL_AGE(s, k) seat[s].w[k].age
#endif
#ifdef M9B
#define TAKEOVER_AGE(s, k) 0
#elif defined(M9C)
#define TAKEOVER_AGE(s, k) (k == 0 && seat[s].w[1].by == TRACKED && seat[s].w[1].what == TAKEOVER -> seat[s].w[1].age : seat[s].w[k].age)
#else
#define TAKEOVER_AGE(s, k) seat[s].w[k].age
#endif

/* Rule 2: the guard ends the application at the deadline, whatever the run does. */
#ifdef M15
#define GUARD_ACTS false
#else
#define GUARD_ACTS true
#endif

/* Rule 2: no renewal after one's own deadline. (A run that goes on after it, and starts its application again: REACQ-same.) */
#ifdef REACQ_SAME
#define MAY_RENEW(s) (seat[s].app == READY || seat[s].app == ALIVE || seat[s].app == GONE)
#elif defined(M14)
#define MAY_RENEW(s) (seat[s].left > 0 || seat[s].app == READY)
#else
#define MAY_RENEW(s) (seat[s].left > 0)
#endif

/* Rule 3: a candidate takes over what is released at once, anything else when its timer is done. */
#define MAY_TAKE_OVER(s) (seat[s].role == CANDIDATE && KNOWS_CURRENT(s) && MAY_SEND(s) && NEXT_EPOCH <= EPOCHS && \
  (IS_RELEASED || seat[s].seen >= WAIT(s) || AT_ONCE(s)) && PROMPT_ATTEMPT(s) && LOCK_ALLOWS_ATTEMPT(s))

/* Rule 2: "may it start?" is answered in the step that starts, by the guard. */
#ifdef M10
#define MAY_START(s) (seat[s].app == CHECKED)
#else
#define MAY_START(s) (seat[s].app == READY && seat[s].left > 0 && LOCK_ALLOWS_START(s))
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
#define SEEN_AT_FIRST(s) seat[s].aux /* since the answer before */
#define ANSWER_HAS_ARRIVED(s) seat[s].aux = 0
#elif defined(M2B)
#define SEEN_AT_FIRST(s) seat[s].seen /* since the candidate's own start */
#elif defined(M2C)
#define SEEN_AT_FIRST(s) seat[s].aux /* since the read was sent */
#define ANSWER_ARRIVES(s) seat[s].reading
#define ANSWER_HAS_ARRIVED(s) seat[s].reading = 0; seat[s].aux = 0
#else
#define SEEN_AT_FIRST(s) 0
#endif
#ifndef ANSWER_ARRIVES
#define ANSWER_ARRIVES(s) true /* a read that is answered at once, or later with what it would be answered now, is no state */
#endif
#ifndef ANSWER_HAS_ARRIVED
#define ANSWER_HAS_ARRIVED(s) skip
#endif
#ifdef M2B
#define AFTER_STALE(s) seat[s].seen
#define TIMER_RUNS(s) (seat[s].role == CANDIDATE)
#else
#define AFTER_STALE(s) 0
#define TIMER_RUNS(s) (seat[s].role == CANDIDATE && seat[s].known != NO_VERSION && !IS_RELEASED || seat[s].app == WAITING)
#endif
#ifdef TIMER_RESTARTED_BY_EVERY_POLL
#define POLL_AGAIN(s) seat[s].seen = 0
#else
#define POLL_AGAIN(s) skip
#endif

/* Rule 4: a holder goes by versions that it wrote itself, never by one that it last looked at as a candidate. */
#ifdef KEEPS_FOREIGN_VERSION
#define VERSION_AS_HOLDER(s) seat[s].known
#else
#define VERSION_AS_HOLDER(s) NO_VERSION
#endif

/* Rule 6: released only when nothing of the tree is left; once sent, this run starts nothing more. */
#ifdef M4
#define MAY_RELEASE(s) true
#else
#define MAY_RELEASE(s) (seat[s].app == READY || seat[s].app == GONE)
#endif
#ifdef M16
#define AFTER_RELEASE(s) READY
#elif defined(M4)
#define AFTER_RELEASE(s) seat[s].app
#else
#define AFTER_RELEASE(s) GONE
#endif

/* A run's application starts once. M16 needs one that was stopped in time and might start again. */
#ifdef M16
#define AFTER_STOP(s) seat[s].left
#else
#define AFTER_STOP(s) 0
#endif

/* Rule 4: only the version that the former run of the same guard wrote may be taken over at once. */
#ifdef REACQ_NEW
#define AT_ONCE(s) seat[s].mine
#define FORGET_MINE(s) seat[s].mine = 0
#elif defined(RECLAIM)
#define AT_ONCE(s) MAY_RECLAIM(s)
#define FORGET_MINE(s) skip
#else
#define AT_ONCE(s) false
#define FORGET_MINE(s) skip
#endif

/* Rule 7: creating grants nothing; the new record's epoch is above everything that was ever granted. */
#ifdef M12
#define CREATOR_HOLDS(s) seat[s].role = HOLDER; recordEpoch++; seat[s].epoch = recordEpoch; seat[s].left = LEASE(s) - MARGIN; \
  LEARN_CURRENT_VERSION(s); owner = s; ownerLives = 1
#else
#define CREATOR_HOLDS(s) skip
#endif
#ifdef DEL_EPOCH_FROM_STARTS
#define EPOCH_OF_NEW_RECORD (lastEpoch + 1)
#else
#define EPOCH_OF_NEW_RECORD recordEpoch
#endif

#ifdef REACQ_WEAK
#define STRICT false
#else
#define STRICT true
#endif
